-- name: settings
-- What decides about durability and size, as this session has it.
SELECT name, setting
FROM pg_settings
WHERE name IN (
    'fsync', 'full_page_writes', 'synchronous_commit', 'max_connections', 'server_version', 'server_version_num');

-- name: server_clock
-- The server's own clock.
SELECT clock_timestamp();

-- name: migrated
-- Whether any migration has ever run here.
SELECT to_regclass('migrations') IS NOT NULL;

-- name: care_clock
-- Whether care time has been set to something else than the server's clock.
SELECT EXISTS (SELECT FROM care_clock);
