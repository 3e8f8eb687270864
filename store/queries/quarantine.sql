-- name: keep
-- Keep and count what could not be judged; rows come sorted by their key, so that two keepers never wait in a circle.
INSERT INTO quarantine AS q (reason, topic, digest, device_key, cell, detail, payload, size_bytes, first_at, last_at,
                             times)
SELECT r.reason, r.topic, r.digest, r.device_key, r.cell, r.detail, r.payload, r.size_bytes, r.at, r.at, r.times
FROM unnest(%(reasons)s::text[], %(topics)s::text[], %(digests)s::integer[], %(device_keys)s::bigint[],
            %(cells)s::text[], %(details)s::text[], %(payloads)s::bytea[], %(sizes)s::integer[],
            %(ats)s::timestamptz[], %(times)s::bigint[])
    AS r(reason, topic, digest, device_key, cell, detail, payload, size_bytes, at, times)
ON CONFLICT (reason, topic, digest) DO UPDATE
SET times = q.times + excluded.times, last_at = greatest(q.last_at, excluded.last_at), detail = excluded.detail,
    payload = excluded.payload, size_bytes = excluded.size_bytes,
    device_key = coalesce(excluded.device_key, q.device_key), cell = coalesce(excluded.cell, q.cell);
