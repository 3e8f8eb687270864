-- name: unsent
-- What devices are still to be told, oldest first; rows held by another sender are left to it.
SELECT r.id, d.cell, d.device_id, a.event_id, r.stage, r.by, r.at
FROM receipts r
JOIN alarms a ON a.id = r.alarm_id
JOIN devices d ON d.id = a.device_key
JOIN device_models m ON m.model = d.model
WHERE r.sent_at IS NULL AND a.event_id IS NOT NULL AND m.protocol = 'native'
ORDER BY r.id LIMIT %(most)s
FOR UPDATE OF r SKIP LOCKED;

-- name: sent
-- The broker has these.
UPDATE receipts SET sent_at = %(now)s WHERE id = ANY (%(ids)s);
