-- name: matters
-- All that messages may have to say of these incidents, before anybody has judged who may hear it.
SELECT i.id AS incident_id, i.number, i.mode, i.hazard, i.severity, i.state, i.opened_at,
       greatest(i.opened_at, i.last_alarm_at) AS last_alarm_at,
       o.name AS organisation, o.timezone, h.community, h.address, h.access_notes, r.surname, r.sex,
       coalesce(r.phone, h.phone) AS phone,
       EXISTS (
           SELECT FROM consents c
           WHERE c.resident_id = r.id AND c.purpose = 'overseas' AND c.recipient = 'responders'
             AND c.valid_from <= %(now)s AND (c.valid_until IS NULL OR c.valid_until > %(now)s)
             AND (c.withdrawn_at IS NULL OR c.withdrawn_at > %(now)s)) AS overseas_consent,
       g.going, g.going_ids
FROM incidents i
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(p.name ORDER BY t.accepted_at, p.id), '{}') AS going,
           coalesce(array_agg(p.id ORDER BY t.accepted_at, p.id), '{}') AS going_ids
    FROM participations t JOIN responders p ON p.id = t.responder_id
    WHERE t.incident_id = i.id AND t.accepted_at IS NOT NULL
      AND (t.declined_at IS NULL OR t.declined_at < t.accepted_at)) g
JOIN organisations o ON o.id = i.organisation_id
LEFT JOIN households h ON h.id = i.household_id
LEFT JOIN LATERAL (
    SELECT s.id, s.surname, s.sex, s.phone FROM residents s
    WHERE s.id = i.resident_id
       OR (i.resident_id IS NULL AND s.household_id = i.household_id AND s.retired_at IS NULL)
    ORDER BY s.id LIMIT 1) r ON true
WHERE i.id = ANY (%(incidents)s);
