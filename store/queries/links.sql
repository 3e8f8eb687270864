-- name: find
-- What the link of a notification leads to: whom it was sent to, what happened, and what this person has said.
SELECT n.id AS notification_id, n.incident_id, n.responder_id, n.language,
       r.name AS responder, r.retired_at IS NOT NULL AS responder_retired,
       i.number, i.mode, i.hazard, i.severity, i.state, i.outcome, i.opened_at, i.last_alarm_at, i.resolved_at,
       i.alarms, i.round_started_at, i.reask_until, i.organisation_id,
       o.name AS organisation, o.timezone, h.community,
       p.accepted_at, p.declined_at, p.arrived_at,
       ARRAY(SELECT ARRAY[s.code, s.surname, coalesce(s.sex, '')]
             FROM residents s
             WHERE s.id = i.resident_id
                OR i.resident_id IS NULL AND s.household_id = i.household_id AND s.retired_at IS NULL
             ORDER BY s.id) AS residents
FROM notifications n
JOIN incidents i ON i.id = n.incident_id
JOIN responders r ON r.id = n.responder_id
JOIN organisations o ON o.id = i.organisation_id
LEFT JOIN households h ON h.id = i.household_id
LEFT JOIN participations p ON p.incident_id = i.id AND p.responder_id = n.responder_id
WHERE n.token = %(token)s;

-- name: home
-- Where to go, for somebody who has accepted.
SELECT h.address, h.access_notes, coalesce(h.phone, r.phone) AS phone, h.lat, h.lon,
       ARRAY(SELECT ARRAY[s.surname, s.given_name]
             FROM residents s
             WHERE s.id = i.resident_id
                OR i.resident_id IS NULL AND s.household_id = i.household_id AND s.retired_at IS NULL
             ORDER BY s.id) AS names
FROM incidents i
JOIN households h ON h.id = i.household_id
LEFT JOIN residents r ON r.id = i.resident_id
WHERE i.id = %(incident_id)s;

-- name: seen
-- Where each resident of an incident was last, if she consents now that this recipient may know.
SELECT DISTINCT ON (s.id) s.surname, t.lat, t.lon, t.accuracy_m, t.position_at AS at
FROM incidents i
JOIN residents s ON s.id = i.resident_id
    OR i.resident_id IS NULL AND s.household_id = i.household_id AND s.retired_at IS NULL
JOIN devices d ON d.resident_id = s.id AND d.retired_at IS NULL
JOIN device_states t ON t.device_key = d.id AND t.position_at IS NOT NULL AND t.lat IS NOT NULL AND t.lon IS NOT NULL
WHERE i.id = %(incident_id)s
  AND EXISTS (
      SELECT FROM consents c
      WHERE c.resident_id = s.id AND c.purpose = 'location' AND c.recipient = %(recipient)s
        AND c.valid_from <= least(%(now)s, t.position_at) AND (c.valid_until IS NULL OR c.valid_until > %(now)s)
        AND (c.withdrawn_at IS NULL OR c.withdrawn_at > %(now)s))
ORDER BY s.id, t.position_at DESC;

-- name: called
-- How people and organisations that stand on a timeline by id are called.
SELECT 'responder', id, name FROM responders WHERE id = ANY (%(responders)s)
UNION ALL
SELECT 'organisation', id, name FROM organisations WHERE id = ANY (%(organisations)s);
