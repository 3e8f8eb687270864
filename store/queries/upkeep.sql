-- name: end_states
-- Residents whose time away is over are at home again, as far as anybody has said.
UPDATE residents
SET state = 'home', state_until = NULL, version = version + 1
WHERE id IN (
    SELECT id FROM residents
    WHERE state IN ('away', 'hospital') AND state_until <= %(now)s AND retired_at IS NULL
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
RETURNING code;

-- name: erase_notes
-- Personal text about incidents that ended long ago; that it was written stays on the timeline.
UPDATE notes
SET body = NULL, erased_at = %(now)s
WHERE id IN (
    SELECT n.id
    FROM notes n
    JOIN incidents i ON i.id = n.incident_id AND i.resolved_at < %(before)s
    WHERE n.body IS NOT NULL
    LIMIT %(limit)s FOR UPDATE OF n SKIP LOCKED)
RETURNING id;

-- name: drop_misdated
-- Readings that were never "latest".
DELETE FROM readings_misdated
WHERE (device_key, at, digest) IN (
    SELECT device_key, at, digest FROM readings_misdated WHERE received_at < %(before)s LIMIT %(limit)s)
RETURNING device_key;

-- name: drop_quarantined
-- Messages that could not be understood, and have not come again since.
DELETE FROM quarantine
WHERE id IN (SELECT id FROM quarantine WHERE last_at < %(before)s ORDER BY last_at LIMIT %(limit)s)
RETURNING id;

-- name: drop_outages
-- Our own outages: no silence is measured over so long a time.
DELETE FROM outages
WHERE id IN (SELECT id FROM outages WHERE excused_until < %(before)s ORDER BY excused_until LIMIT %(limit)s)
RETURNING id;

-- name: drop_findings
-- What rules found and nobody was called for. What belongs to an incident stays as long as that does.
DELETE FROM findings
WHERE id IN (
    SELECT f.id
    FROM findings f
    WHERE f.recorded_at < %(before)s
      AND NOT EXISTS (
          SELECT FROM alarms a JOIN incident_alarms i ON i.alarm_id = a.id
          WHERE a.source = 'rule:' || f.rule AND a.received_at = f.recorded_at AND a.at = f.onset
            AND a.state = f.state AND a.identity LIKE f.subject || '|%%')
    ORDER BY f.recorded_at
    LIMIT %(limit)s)
RETURNING id;
