-- name: tables
-- How many tables of ours there are.
SELECT count(*) FROM pg_tables WHERE schemaname = 'public';

-- name: clear
-- Everything goes, to make room for what is restored.
DROP SCHEMA public CASCADE; CREATE SCHEMA public;
