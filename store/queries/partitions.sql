-- name: kind
-- Whether readings are partitioned by us ('p'), or by TimescaleDB ('r').
SELECT relkind::text FROM pg_class WHERE oid = 'readings'::regclass;

-- name: lock
-- One maker of partitions at a time.
SELECT pg_advisory_xact_lock(hashtextextended('partitions of readings', 0));

-- name: present
-- The partitions that there are, by name.
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'readings'::regclass;

-- name: drop_chunks
-- TimescaleDB's own way of dropping what is older.
SELECT count(*) FROM drop_chunks('readings', older_than => %(before)s::timestamptz);
