-- name: ring
-- A hint to whoever listens on the channel.
SELECT pg_notify(%(channel)s, '');
