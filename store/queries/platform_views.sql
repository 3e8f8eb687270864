-- name: quarantine
-- What could not be understood, the newest first: of devices and cells of the subtree, and, for an organisation at the
-- top, also what states no place.
SELECT q.id, q.reason, q.topic, d.device_id, q.cell, q.detail, q.size_bytes, q.first_at, q.last_at, q.times, q.payload
FROM quarantine q
LEFT JOIN devices d ON d.id = q.device_key
LEFT JOIN organisations o ON o.id = d.organisation_id OR (d.id IS NULL AND o.cell = q.cell)
WHERE (o.path @> ARRAY[%(within)s::bigint]
       OR (o.id IS NULL AND EXISTS (SELECT FROM organisations t WHERE t.id = %(within)s::bigint AND t.parent_id IS NULL)))
  AND (%(reason)s::text IS NULL OR q.reason = %(reason)s::text)
  AND (%(before)s::bigint IS NULL OR q.id < %(before)s::bigint)
ORDER BY q.id DESC
LIMIT %(limit)s;

-- name: lanes
-- How far each lane is behind its canary.
SELECT c.lane, c.published_at, c.committed_at FROM canaries c ORDER BY c.lane;

-- name: overview
-- How a subtree is: incidents by state, the oldest overdue step, messages that wait, devices that are silent.
SELECT (SELECT coalesce(jsonb_object_agg(g.state, g.n), '{}') FROM (
            SELECT i.state, count(*) AS n
            FROM incidents i JOIN organisations o ON o.id = i.organisation_id
            WHERE i.state <> 'resolved' AND o.path @> ARRAY[%(within)s::bigint] GROUP BY i.state) g),
       (SELECT min(i.next_step_at)
        FROM incidents i JOIN organisations o ON o.id = i.organisation_id
        WHERE i.state <> 'resolved' AND i.next_step_at < %(now)s AND o.path @> ARRAY[%(within)s::bigint]),
       (SELECT count(*)
        FROM notifications n JOIN incidents i ON i.id = n.incident_id JOIN organisations o ON o.id = i.organisation_id
        WHERE n.state = 'pending' AND n.due_at <= %(now)s AND o.path @> ARRAY[%(within)s::bigint]),
       (SELECT count(*) FROM devices d JOIN organisations o ON o.id = d.organisation_id
        WHERE d.retired_at IS NULL AND o.path @> ARRAY[%(within)s::bigint]),
       (SELECT count(*)
        FROM watches w JOIN devices d ON d.id = w.device_key JOIN organisations o ON o.id = d.organisation_id
        WHERE w.silent_since IS NOT NULL AND d.retired_at IS NULL AND o.path @> ARRAY[%(within)s::bigint]);
