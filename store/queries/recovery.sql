-- name: lock
-- Incidents as the system meets them when what was wrong is over, locked in the order of everybody.
SELECT id, state, severity, hazard FROM incidents WHERE id = ANY (%(ids)s) ORDER BY id FOR NO KEY UPDATE;

-- name: cancel
-- Nobody needs to hear of it any more.
UPDATE notifications
SET state = 'cancelled', failure = 'cancelled_by_us'
WHERE incident_id = ANY (%(ids)s) AND state = 'pending'
RETURNING incident_id;

-- name: resolve
-- The end, by the system.
UPDATE incidents
SET state = 'resolved', resolved_at = %(now)s, outcome = 'recovered', resolved_by = 'system', next_step_at = NULL,
    taken_by = NULL, taken_until = NULL, reask_until = NULL, reasserted_at = NULL
WHERE id = ANY (%(ids)s);

-- name: promise_receipts
-- Tell the devices that raised it themselves.
INSERT INTO receipts (alarm_id, stage, by, at)
SELECT a.id, 'resolved', '', %(now)s
FROM incident_alarms ia
JOIN alarms a ON a.id = ia.alarm_id AND a.device_key IS NOT NULL AND a.event_id IS NOT NULL AND a.state = 'raised'
WHERE ia.incident_id = ANY (%(ids)s)
ON CONFLICT (alarm_id, stage, by) DO NOTHING;
