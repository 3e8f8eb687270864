-- name: promise
-- Tell every device that raised an alarm of these incidents, once for each stage and person. Only our own protocol has
-- a place for it.
INSERT INTO receipts (alarm_id, stage, by, at)
SELECT a.id, %(stage)s, %(by)s, %(now)s
FROM incident_alarms ia
JOIN alarms a ON a.id = ia.alarm_id AND a.event_id IS NOT NULL AND a.state = 'raised'
JOIN devices d ON d.id = a.device_key
JOIN device_models m ON m.model = d.model AND m.protocol = 'native'
WHERE ia.incident_id = ANY (%(incidents)s)
ON CONFLICT (alarm_id, stage, by) DO NOTHING;

-- name: unsent
-- What devices are still to be told, oldest first; rows held by another sender are left to it.
SELECT r.id, d.cell, d.device_id, a.event_id, r.stage, r.by, r.at
FROM receipts r
JOIN alarms a ON a.id = r.alarm_id
JOIN devices d ON d.id = a.device_key
WHERE r.sent_at IS NULL
ORDER BY r.id LIMIT %(most)s
FOR UPDATE OF r SKIP LOCKED;

-- name: sent
-- The broker has these.
UPDATE receipts SET sent_at = %(now)s WHERE id = ANY (%(ids)s);
