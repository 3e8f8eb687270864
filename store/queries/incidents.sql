-- name: due
-- Unresolved incidents whose next step is due, gravest first, locked against every other engine and every answer.
SELECT i.id, i.mode, i.hazard, i.organisation_id, i.household_id, i.resident_id, i.plan_id, i.area_id,
       i.state, i.severity, i.level_id, i.round, i.round_started_at, i.step, i.step_started_at, i.acknowledged_at,
       i.on_scene_at, i.reminded_at, i.taken_until, i.reasserted_at, i.reask_until, i.next_step_at,
       i.hurried_at
FROM incidents i
WHERE i.state <> 'resolved' AND i.next_step_at <= %(now)s
ORDER BY i.severity, i.next_step_at
LIMIT %(limit)s
FOR NO KEY UPDATE SKIP LOCKED;

-- name: next_due
-- When the next step of any incident is due.
SELECT min(next_step_at) FROM incidents WHERE state <> 'resolved';

-- name: surroundings
-- For each incident: the plan it runs by (the newest of the nearest organisation when a round begins), the parent of
-- the organisation that handles it, the other hazards of its home, and whether an unresolved area incident holds it.
SELECT i.id, p.id, p.plan, parent.id,
       ARRAY(SELECT o.hazard FROM incidents o
             WHERE o.household_id = i.household_id AND o.mode = i.mode AND o.id <> i.id AND o.state <> 'resolved'),
       EXISTS (SELECT FROM incidents a WHERE a.id = i.area_id AND a.state <> 'resolved')
FROM incidents i
JOIN organisations own ON own.id = i.organisation_id
JOIN organisations level ON level.id = i.level_id
LEFT JOIN organisations parent ON parent.id = level.parent_id AND parent.retired_at IS NULL
LEFT JOIN LATERAL (
    SELECT q.id, q.plan
    FROM plans q
    WHERE CASE WHEN i.plan_id IS NOT NULL AND i.step_started_at IS NOT NULL OR i.state <> 'open'
               THEN q.id = i.plan_id
               ELSE q.hazard = i.hazard AND (q.organisation_id IS NULL OR q.organisation_id = ANY (own.path)) END
    ORDER BY array_position(own.path, q.organisation_id) DESC NULLS LAST, q.version DESC
    LIMIT 1
) p ON true
WHERE i.id = ANY (%(ids)s);

-- name: asks
-- The notifications of each incident's running round; operators who are connected with somebody are not asked anything.
SELECT n.incident_id, n.responder_id, n.purpose, n.step, n.sequence, n.channel, n.state, n.failure, n.answer,
       n.created_at,
       n.answer IS NULL AND EXISTS (
           SELECT FROM calls c
           WHERE c.live AND c.number = n.address AND n.channel = 'voice'
             AND (c.id IS DISTINCT FROM n.call_id OR n.state = 'delivered' OR n.announced_at IS NULL AND EXISTS (
                 SELECT FROM notifications m WHERE m.call_id = c.id AND m.announced_at IS NOT NULL)))
FROM notifications n
JOIN incidents i ON i.id = n.incident_id AND i.round = n.round
WHERE n.incident_id = ANY (%(ids)s) AND n.purpose <> 'connect'
ORDER BY n.id;

-- name: parts
-- What people have said about each incident.
SELECT incident_id, responder_id, accepted_at, declined_at, arrived_at
FROM participations
WHERE incident_id = ANY (%(ids)s)
ORDER BY coalesce(accepted_at, declined_at, arrived_at);

-- name: people
-- Who may be asked about each incident: the circles of the home, and for each circle of the organisations the members
-- of every organisation from the one that handles it upwards (``depth``: 0 is nearest). Nobody is asked in a live
-- incident who is registered for drills, nor the other way round.
WITH asked AS (
    SELECT i.id, i.mode, i.household_id, level.path
    FROM incidents i
    JOIN organisations level ON level.id = i.level_id
    WHERE i.id = ANY (%(ids)s)
), members AS (
    SELECT a.id AS incident_id, a.mode, m.circle, 0 AS depth, m.rank, m.responder_id, NULL::bigint AS organisation_id
    FROM asked a
    JOIN circle_members m ON m.household_id = a.household_id
    UNION ALL
    SELECT a.id, a.mode, m.circle, cardinality(a.path) - array_position(a.path, m.organisation_id), m.rank,
           m.responder_id, m.organisation_id
    FROM asked a
    JOIN circle_members m ON m.organisation_id = ANY (a.path)
)
SELECT m.incident_id, m.circle, m.depth, m.organisation_id, m.responder_id, r.language,
       coalesce(jsonb_agg(jsonb_build_array(c.id, c.channel, c.address) ORDER BY c.rank, c.id)
                FILTER (WHERE c.id IS NOT NULL), '[]')
FROM members m
JOIN responders r ON r.id = m.responder_id AND r.retired_at IS NULL AND r.mode = m.mode
LEFT JOIN contacts c ON c.responder_id = r.id AND c.stopped_at IS NULL
GROUP BY m.incident_id, m.circle, m.depth, m.rank, m.organisation_id, m.responder_id, r.language
ORDER BY m.incident_id, m.circle, m.depth, m.rank, m.responder_id;

-- name: participants
-- Those who have accepted and not withdrawn, with their contacts, in the order of their acceptance.
SELECT p.incident_id, r.id, r.language,
       coalesce(jsonb_agg(jsonb_build_array(c.id, c.channel, c.address) ORDER BY c.rank, c.id)
                FILTER (WHERE c.id IS NOT NULL), '[]')
FROM participations p
JOIN responders r ON r.id = p.responder_id
LEFT JOIN contacts c ON c.responder_id = r.id AND c.stopped_at IS NULL
WHERE p.incident_id = ANY (%(ids)s) AND p.accepted_at IS NOT NULL AND p.declined_at IS NULL
GROUP BY p.incident_id, p.accepted_at, r.id, r.language
ORDER BY p.incident_id, p.accepted_at;

-- name: residents
-- The resident of each incident and the numbers she may be asked at.
SELECT i.id, coalesce(r.language, 'zh-CN'), array_remove(ARRAY[r.phone, h.phone], NULL)
FROM incidents i
JOIN households h ON h.id = i.household_id
LEFT JOIN residents r ON r.id = i.resident_id
WHERE i.id = ANY (%(ids)s);

-- name: rosters
-- Weekly shifts of organisations, with their time zone.
SELECT s.organisation_id, s.circle, o.timezone, s.responder_id, s.weekday, s.starts, s.ends
FROM shifts s
JOIN organisations o ON o.id = s.organisation_id
WHERE s.organisation_id = ANY (%(organisations)s);

-- name: roster_overrides
-- Exceptions to the weekly shifts that hold now.
SELECT organisation_id, circle, responder_id, starts_at, ends_at, on_duty
FROM roster_overrides
WHERE organisation_id = ANY (%(organisations)s) AND starts_at <= %(now)s AND ends_at > %(now)s;

-- name: move
-- Write where incidents stand after a decision.
UPDATE incidents i
SET state = r.state, severity = r.severity, level_id = r.level_id, plan_id = r.plan_id, round = r.round,
    round_started_at = r.round_started_at, step = r.step, step_started_at = r.step_started_at,
    acknowledged_at = r.acknowledged_at, on_scene_at = r.on_scene_at, reminded_at = r.reminded_at,
    taken_until = r.taken_until, taken_by = CASE WHEN r.taken_until IS NOT NULL THEN i.taken_by END,
    reasserted_at = r.reasserted_at, reask_until = r.reask_until, next_step_at = r.next_step_at
FROM jsonb_to_recordset(%(rows)s) AS r(
    id bigint, state text, severity smallint, level_id bigint, plan_id bigint, round integer,
    round_started_at timestamptz, step integer, step_started_at timestamptz, acknowledged_at timestamptz,
    on_scene_at timestamptz, reminded_at timestamptz, taken_until timestamptz, reasserted_at timestamptz,
    reask_until timestamptz, next_step_at timestamptz)
WHERE i.id = r.id;

-- name: ask
-- Create notifications.
INSERT INTO notifications (
    incident_id, responder_id, contact_id, channel, address, language, purpose, circle, round, step, severity, sequence,
    token, operator, connect_to, connect_with, created_at, due_at)
SELECT r.incident_id, r.responder_id, r.contact_id, r.channel, r.address, r.language, r.purpose, r.circle, r.round,
       r.step, r.severity, r.sequence, r.token, r.operator, r.connect_to, r.connect_with, %(now)s, %(now)s
FROM jsonb_to_recordset(%(rows)s) AS r(
    incident_id bigint, responder_id bigint, contact_id bigint, channel text, address text, language text, purpose text,
    circle text, round integer, step integer, severity smallint, sequence integer, token text,
    operator text, connect_to text, connect_with bigint);

-- name: raise_own
-- An incident that the platform itself raises: the one statement of an alarm, with its evidence as the payload.
WITH alarm AS (
    INSERT INTO alarms (source, identity, device_key, hazard, state, mode, at, received_at, digest, payload)
    VALUES (%(source)s, %(identity)s, %(device_key)s, %(hazard)s, 'raised', %(mode)s, %(now)s, %(now)s, 0, %(payload)s)
    ON CONFLICT (source, identity) DO NOTHING
    RETURNING id
), incident AS (
    INSERT INTO incidents (mode, subject_kind, subject_id, hazard, severity, organisation_id, level_id, household_id,
                           resident_id, device_key, opened_at, last_alarm_at, next_step_at)
    SELECT %(mode)s, %(subject_kind)s, %(subject_id)s, %(hazard)s, %(severity)s, %(organisation_id)s,
           %(organisation_id)s, %(household_id)s, %(resident_id)s, %(device_key)s, %(now)s, %(now)s, %(first_step_at)s
    FROM alarm
    ON CONFLICT (mode, subject_kind, subject_id, hazard) WHERE state <> 'resolved' DO UPDATE
    SET alarms = incidents.alarms + 1, last_alarm_at = greatest(incidents.last_alarm_at, excluded.last_alarm_at),
        reasserted_at = CASE WHEN incidents.state = 'open' THEN incidents.reasserted_at ELSE %(now)s END,
        next_step_at = CASE WHEN incidents.state = 'open' THEN incidents.next_step_at
                            ELSE least(incidents.next_step_at, %(now)s) END
    RETURNING id, alarms
), attached AS (
    INSERT INTO incident_alarms (alarm_id, incident_id) SELECT alarm.id, incident.id FROM alarm, incident
), told AS (
    INSERT INTO timeline (incident_id, at, kind, reason, detail)
    SELECT id, %(now)s, CASE WHEN alarms = 1 THEN 'opened' ELSE 'alarm_again' END, %(reason)s, %(detail)s FROM incident
)
SELECT id, alarms = 1 FROM incident;
