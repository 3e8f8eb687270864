-- name: lock
-- Wait until nobody else migrates.
SELECT pg_advisory_lock(%(key)s);

-- name: unlock
-- Let the next one migrate.
SELECT pg_advisory_unlock(%(key)s);

-- name: prepare
-- The record of what has run.
CREATE TABLE IF NOT EXISTS migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    ran_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- name: ran
-- Number and checksum of each migration that has run.
SELECT number, checksum FROM migrations;

-- name: record
-- Remember that a migration has run.
INSERT INTO migrations (number, name, checksum) VALUES (%(number)s, %(name)s, %(checksum)s);
