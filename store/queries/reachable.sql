-- name: people
-- Whom an operator may have called about an incident: the circles of the home and of every organisation that handles it
-- or stands above that one, and those of every organisation in the operator's subtree; nearest to the incident first.
-- Those only who are registered for its mode. ``duty_of`` is the organisation whose roster says whether somebody is on
-- duty, none for the circles of the home. ``reaching``: the channels by which she is being reached about it right now.
WITH asked AS (
    SELECT i.id, i.mode, i.household_id, level.path AS upwards, own.path AS own
    FROM incidents i
    JOIN organisations level ON level.id = i.level_id
    JOIN organisations own ON own.id = i.organisation_id
    WHERE i.id = %(incident_id)s
), members AS (
    SELECT m.circle, m.rank, m.responder_id, m.relation, NULL::bigint AS duty_of, a.mode, -1 AS distance
    FROM asked a JOIN circle_members m ON m.household_id = a.household_id
    UNION ALL
    SELECT m.circle, m.rank, m.responder_id, m.relation, o.id, a.mode,
           cardinality(o.path) + cardinality(a.own)
               - 2 * (SELECT count(*)::integer FROM unnest(o.path) AS p (id) WHERE p.id = ANY (a.own))
    FROM asked a
    JOIN organisations o ON o.id = ANY (a.upwards) OR o.path @> ARRAY[%(within)s::bigint]
    JOIN circle_members m ON m.organisation_id = o.id
    WHERE o.retired_at IS NULL
)
SELECT m.circle, m.responder_id, r.name, m.relation, o.name AS organisation, m.duty_of, r.language,
       ARRAY(SELECT jsonb_build_array(c.id, c.channel, c.address) FROM contacts c
             WHERE c.responder_id = r.id AND c.stopped_at IS NULL ORDER BY c.rank, c.id) AS contacts,
       ARRAY(SELECT n.channel FROM notifications n LEFT JOIN calls k ON k.id = n.call_id AND k.live
             WHERE n.incident_id = %(incident_id)s AND n.responder_id = r.id AND n.answer IS NULL
               AND (n.state IN ('pending', 'sending', 'sent') OR k.id IS NOT NULL)) AS reaching,
       EXISTS (SELECT FROM participations p WHERE p.incident_id = %(incident_id)s AND p.responder_id = r.id
                 AND p.accepted_at IS NOT NULL AND p.declined_at IS NULL) AS going
FROM members m
JOIN responders r ON r.id = m.responder_id AND r.retired_at IS NULL AND r.mode = m.mode
JOIN organisations o ON o.id = r.organisation_id
WHERE (%(contact_id)s::bigint IS NULL
       OR EXISTS (SELECT FROM contacts c WHERE c.id = %(contact_id)s AND c.responder_id = r.id))
  AND strpos(lower(concat_ws(' ', r.name, m.relation, o.name)), lower(%(find)s)) > 0
ORDER BY m.distance, array_position(ARRAY['children', 'kin_neighbours', 'grid_workers', 'village_cadres',
                                          'care_service', 'duty_desk'], m.circle), m.rank, m.responder_id
LIMIT %(most)s;

-- name: times_asked
-- How often this person has been asked in this step of this round: the next one's place in the sequence.
SELECT count(*) FROM notifications
WHERE incident_id = %(incident_id)s AND round = %(round)s AND step = %(step)s AND purpose = %(purpose)s
  AND responder_id IS NOT DISTINCT FROM %(responder_id)s;

-- name: home_phones
-- The telephones of those whom an incident is about, and of the home.
SELECT code, surname, given_name, number FROM (
SELECT s.code, s.surname, s.given_name, s.phone AS number, 0 AS place, s.id
FROM incidents i
JOIN residents s ON s.id = i.resident_id
    OR i.resident_id IS NULL AND s.household_id = i.household_id AND s.retired_at IS NULL
WHERE i.id = %(incident_id)s AND s.phone IS NOT NULL
UNION ALL
SELECT '', '', '', h.phone, 1, h.id
FROM incidents i
JOIN households h ON h.id = i.household_id
WHERE i.id = %(incident_id)s AND h.phone IS NOT NULL) AS phones
ORDER BY place, id;

-- name: being_connected
-- Whether an operator is being called, or talks, to be connected with somebody about any incident.
SELECT EXISTS (
    SELECT FROM notifications n LEFT JOIN calls k ON k.id = n.call_id AND k.live
    WHERE n.operator = %(operator)s AND (n.state IN ('pending', 'sending', 'sent') OR k.id IS NOT NULL));
