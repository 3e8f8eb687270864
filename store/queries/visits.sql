-- name: homes
-- The homes for whose devices an incident speaks, or spoke: those of people who can help themselves least first. The
-- order does not change with what is learned of them. ``back``: how many of their devices are heard again.
SELECT h.id, h.code, h.community, h.address, h.access_notes, h.phone,
       coalesce(v.state, 'not_asked') AS state, v.by, v.at, d.devices, d.back,
       coalesce(p.residents, '[]') AS residents
FROM (
    SELECT e.household_id, count(*) AS devices, count(*) FILTER (WHERE i.state = 'resolved') AS back
    FROM incidents i JOIN devices e ON e.id = i.device_key
    WHERE i.area_id = %(incident_id)s AND e.household_id IS NOT NULL
    GROUP BY e.household_id) d
JOIN households h ON h.id = d.household_id
LEFT JOIN area_visits v ON v.incident_id = %(incident_id)s AND v.household_id = h.id
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('code', s.code, 'surname', s.surname, 'given_name', s.given_name,
                                        'born_on', s.born_on, 'categories', s.categories, 'state', s.state,
                                        'phone', s.phone) ORDER BY s.id) AS residents,
           max(CASE WHEN s.state <> 'home' THEN 0
                    WHEN s.categories && ARRAY['disabled', 'dementia'] THEN 2
                    WHEN 'living_alone' = ANY (s.categories) THEN 1
                    ELSE 0 END) AS frail
    FROM residents s
    WHERE s.household_id = h.id AND s.retired_at IS NULL) p ON true
ORDER BY p.frail DESC NULLS LAST, h.community, h.address, h.id
LIMIT %(most)s;

-- name: standing
-- How many homes an incident concerns, by what is known of them.
SELECT coalesce(v.state, 'not_asked'), count(*)
FROM (SELECT DISTINCT e.household_id FROM incidents i JOIN devices e ON e.id = i.device_key
      WHERE i.area_id = %(incident_id)s AND e.household_id IS NOT NULL) h
LEFT JOIN area_visits v ON v.incident_id = %(incident_id)s AND v.household_id = h.household_id
GROUP BY 1;

-- name: concerned
-- A home that an incident concerns: its organisation and mode, and what was known of it before.
SELECT h.id, h.organisation_id, h.mode, coalesce(v.state, 'not_asked')
FROM households h
LEFT JOIN area_visits v ON v.incident_id = %(incident_id)s AND v.household_id = h.id
WHERE h.code = %(household)s AND EXISTS (
    SELECT FROM incidents i JOIN devices e ON e.id = i.device_key
    WHERE i.area_id = %(incident_id)s AND e.household_id = h.id);

-- name: mark
-- What is known of a home from now on.
INSERT INTO area_visits (incident_id, household_id, state, by, at)
VALUES (%(incident_id)s, %(household_id)s, %(state)s, %(by)s, %(now)s)
ON CONFLICT (incident_id, household_id) DO UPDATE SET state = excluded.state, by = excluded.by, at = excluded.at;
