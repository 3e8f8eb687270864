-- name: ring
-- A hint to whoever listens on the channels.
SELECT pg_notify(channel, '') FROM unnest(%(channels)s::text[]) AS channel;
