-- name: queue
-- Everything unresolved, gravest and oldest first, with a mark that changes with each new entry on its timeline and each
-- change of its own.
SELECT i.id, concat(i.xmin, ' ', (SELECT max(t.id) FROM timeline t WHERE t.incident_id = i.id))
FROM incidents i
WHERE i.state <> 'resolved'
ORDER BY i.severity, i.opened_at, i.id
LIMIT %(most)s;

-- name: waiting
-- Those of some incidents that are unresolved, with who is being reached, who goes and who is there.
SELECT i.id, i.number, i.mode, i.hazard, i.severity, i.state, i.opened_at, i.last_alarm_at, i.alarms,
       i.on_scene_at, i.reminded_at, i.round, i.taken_by, i.taken_until, i.reask_until, i.next_step_at,
       i.organisation_id, o.path, o.name AS organisation, o.timezone, l.name AS level, h.community,
       EXISTS (SELECT FROM incidents a WHERE a.id = i.area_id AND a.state <> 'resolved') AS held,
       ARRAY(SELECT ARRAY[s.code, s.surname, coalesce(s.sex, '')] FROM residents s WHERE s.id = i.resident_id
             UNION ALL
             SELECT ARRAY[s.code, s.surname, coalesce(s.sex, '')] FROM residents s
             WHERE i.resident_id IS NULL AND s.household_id = i.household_id AND s.retired_at IS NULL) AS residents,
       ARRAY(SELECT jsonb_build_array(coalesce(r.name, ''), n.channel, n.state, coalesce(c.status, ''))
             FROM notifications n
             LEFT JOIN responders r ON r.id = n.responder_id
             LEFT JOIN calls c ON c.id = n.call_id AND c.live
             WHERE n.incident_id = i.id AND n.round = i.round AND n.answer IS NULL AND n.purpose <> 'connect'
               AND n.state IN ('pending', 'sending', 'sent', 'delivered')
             ORDER BY n.id DESC
             LIMIT 12) AS reaching,
       ARRAY(SELECT jsonb_build_array(r.name, p.arrived_at IS NOT NULL)
             FROM participations p
             JOIN responders r ON r.id = p.responder_id
             WHERE p.incident_id = i.id AND p.accepted_at IS NOT NULL AND p.declined_at IS NULL
             ORDER BY p.accepted_at) AS going
FROM incidents i
JOIN organisations o ON o.id = i.organisation_id
JOIN organisations l ON l.id = i.level_id
LEFT JOIN households h ON h.id = i.household_id
WHERE i.id = ANY (%(ids)s) AND i.state <> 'resolved';

-- name: changed
-- A mark that changes with every entry on any timeline. Numbers are given out before their transactions commit, so
-- the newest alone would miss one that comes late: the recent ones are counted as well.
SELECT max(id), count(*)
FROM timeline
WHERE id > (SELECT coalesce(max(id), 0) FROM timeline) - 5000;

-- name: platform
-- How engine and sender keep up: the step and the message that have waited longest; when a provider last took a call or
-- a message, and whether it has refused one since that is tried again. Of these the newest are looked at.
SELECT (SELECT min(next_step_at) FROM incidents WHERE state <> 'resolved' AND next_step_at <= %(now)s) AS engine_since,
       (SELECT count(*) FROM notifications WHERE state = 'pending' AND due_at <= %(now)s) AS waiting,
       (SELECT min(due_at) FROM notifications WHERE state = 'pending' AND due_at <= %(now)s) AS sender_since,
       lately.taken_at, coalesce(lately.refused_id > coalesce(lately.taken_id, 0), false) AS refused
FROM (SELECT max(n.sent_at) AS taken_at, max(n.id) FILTER (WHERE n.sent_at IS NOT NULL) AS taken_id,
             max(n.id) FILTER (WHERE n.sent_at IS NULL AND n.provider_error IS NOT NULL AND n.attempts > 0
                                 AND n.state IN ('pending', 'sending')) AS refused_id
      FROM (SELECT * FROM notifications WHERE channel <> 'console' ORDER BY id DESC LIMIT 200) AS n) AS lately;

-- name: lanes
-- When each lane last committed its canary.
SELECT lane, committed_at FROM canaries ORDER BY lane;

-- name: within
-- Whether an incident lies in a subtree.
SELECT EXISTS (
    SELECT FROM incidents i JOIN organisations o ON o.id = i.organisation_id
    WHERE i.id = %(incident_id)s AND o.path @> ARRAY[%(within)s::bigint]);

-- name: circle
-- Whom an operator may name: the circles of the home, and of every organisation from the one that handles the incident
-- upwards, nearest first; those only who are registered for its mode.
WITH asked AS (
    SELECT i.id, i.mode, i.household_id, level.path
    FROM incidents i
    JOIN organisations level ON level.id = i.level_id
    WHERE i.id = %(incident_id)s
), members AS (
    SELECT m.circle, -1 AS depth, m.rank, m.responder_id, m.relation, a.mode
    FROM asked a JOIN circle_members m ON m.household_id = a.household_id
    UNION ALL
    SELECT m.circle, cardinality(a.path) - array_position(a.path, m.organisation_id), m.rank, m.responder_id,
           m.relation, a.mode
    FROM asked a JOIN circle_members m ON m.organisation_id = ANY (a.path)
)
SELECT m.circle, m.responder_id, r.name, m.relation, o.name AS organisation,
       (SELECT c.address FROM contacts c WHERE c.responder_id = r.id AND c.channel = 'voice' AND c.stopped_at IS NULL
        ORDER BY c.rank, c.id LIMIT 1) AS phone
FROM members m
JOIN responders r ON r.id = m.responder_id AND r.retired_at IS NULL AND r.mode = m.mode
JOIN organisations o ON o.id = r.organisation_id
ORDER BY m.depth, array_position(ARRAY['children', 'kin_neighbours', 'grid_workers', 'village_cadres', 'care_service',
                                       'duty_desk'], m.circle), m.rank, m.responder_id;

-- name: residents
-- Whom an incident is about; everybody of the home if it is about the home.
SELECT s.code, s.surname, s.given_name, s.sex, s.born_on, s.categories, s.state, s.state_until, s.phone
FROM incidents i
JOIN residents s ON s.id = i.resident_id
    OR i.resident_id IS NULL AND s.household_id = i.household_id AND s.retired_at IS NULL
WHERE i.id = %(incident_id)s
ORDER BY s.id;

-- name: attempts
-- Every attempt to reach somebody about an incident, the newest first, with how its call stands.
SELECT coalesce(r.name, n.operator, '') AS name, n.circle, n.channel, n.purpose, n.round, n.state, n.failure, n.answer,
       coalesce(c.status, '') AS call, n.created_at, n.sent_at, n.delivered_at, n.answered_at
FROM notifications n
LEFT JOIN responders r ON r.id = n.responder_id
LEFT JOIN calls c ON c.id = n.call_id AND c.live
WHERE n.incident_id = %(incident_id)s
ORDER BY n.id DESC
LIMIT %(most)s;

-- name: place
-- Names of the organisations that an incident belongs to and is handled by, and which device spoke first.
SELECT o.name AS organisation, l.name AS level, o.timezone, d.device_id, m.kind AS device_kind, d.room
FROM incidents i
JOIN organisations o ON o.id = i.organisation_id
JOIN organisations l ON l.id = i.level_id
LEFT JOIN devices d ON d.id = i.device_key
LEFT JOIN device_models m ON m.model = d.model
WHERE i.id = %(incident_id)s;

-- name: organisations
-- The organisations of a subtree, each below its parent.
SELECT o.code, o.name, cardinality(o.path) - (SELECT cardinality(path) FROM organisations WHERE id = %(within)s::bigint)
FROM organisations o
WHERE o.path @> ARRAY[%(within)s::bigint]
ORDER BY (SELECT array_agg(p.code ORDER BY array_position(o.path, p.id)) FROM organisations p WHERE p.id = ANY (o.path));
