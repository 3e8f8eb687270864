-- name: arrived
-- A canary has come through broker and lane; an older one that comes late changes nothing.
INSERT INTO canaries AS c (lane, published_at, committed_at)
VALUES (%(lane)s, %(published_at)s, %(committed_at)s)
ON CONFLICT (lane) DO UPDATE
SET published_at = excluded.published_at, committed_at = excluded.committed_at
WHERE c.published_at < excluded.published_at OR c.published_at > excluded.committed_at;
