-- name: list
-- Incidents of a subtree, the newest first.
SELECT i.id, i.number, i.mode, i.hazard, i.severity, i.state, i.subject_kind, o.code, l.code, h.code, h.community,
       r.code, d.device_id, i.opened_at, i.acknowledged_at, i.on_scene_at, i.resolved_at, i.outcome, i.resolved_by,
       i.round, i.step, i.alarms, i.last_alarm_at, i.taken_by, i.taken_until, i.next_step_at
FROM incidents i
JOIN organisations o ON o.id = i.organisation_id
JOIN organisations l ON l.id = i.level_id
LEFT JOIN households h ON h.id = i.household_id
LEFT JOIN residents r ON r.id = i.resident_id
LEFT JOIN devices d ON d.id = i.device_key
WHERE (%(within)s::bigint IS NULL OR o.path @> ARRAY[%(within)s::bigint])
  AND (%(id)s::bigint IS NULL OR i.id = %(id)s::bigint)
  AND (%(before)s::bigint IS NULL OR i.id < %(before)s::bigint)
  AND (%(states)s::text[] IS NULL OR i.state = ANY(%(states)s::text[]))
  AND (%(hazards)s::text[] IS NULL OR i.hazard = ANY(%(hazards)s::text[]))
  AND (%(severity)s::smallint IS NULL OR i.severity <= %(severity)s::smallint)
  AND (%(mode)s::text IS NULL OR i.mode = %(mode)s::text)
  AND (%(household)s::text IS NULL OR h.code = %(household)s::text)
  AND (%(organisation)s::text IS NULL
       OR o.path @> (SELECT ARRAY[id] FROM organisations WHERE code = %(organisation)s::text))
  AND (%(since)s::timestamptz IS NULL OR i.opened_at >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR i.opened_at < %(until)s::timestamptz)
  AND (%(outcome)s::text IS NULL OR i.outcome = %(outcome)s::text)
  AND (%(number)s::integer IS NULL OR i.number = %(number)s::integer)
  AND (%(about)s::text IS NULL
       OR i.household_id = ANY (ARRAY(
           SELECT b.id FROM households b
           WHERE concat_ws(' ', b.code, b.community, b.address) ILIKE %(about)s::text))
       OR i.resident_id = ANY (ARRAY(
           SELECT s.id FROM residents s
           WHERE concat_ws(' ', s.code, s.surname || s.given_name, s.surname, s.given_name) ILIKE %(about)s::text))
       OR i.resident_id IS NULL AND i.household_id = ANY (ARRAY(
           SELECT s.household_id FROM residents s
           WHERE concat_ws(' ', s.code, s.surname || s.given_name, s.surname, s.given_name) ILIKE %(about)s::text)))
  AND (%(responder)s::text IS NULL
       OR i.id = ANY (ARRAY(
           SELECT p.incident_id
           FROM responders q JOIN participations p ON p.responder_id = q.id
           WHERE concat_ws(' ', q.code, q.name) ILIKE %(responder)s::text
           UNION
           SELECT n.incident_id
           FROM responders q JOIN notifications n ON n.responder_id = q.id
           WHERE concat_ws(' ', q.code, q.name) ILIKE %(responder)s::text)))
ORDER BY i.id DESC
LIMIT %(limit)s;

-- name: notifications
-- Whom an incident was told to, how, and what came of it.
SELECT n.id, r.code, n.channel, n.purpose, n.circle, n.round, n.step, n.state, n.failure, n.answer, n.created_at,
       n.sent_at, n.delivered_at, n.answered_at
FROM notifications n
LEFT JOIN responders r ON r.id = n.responder_id
WHERE n.incident_id = %(id)s
ORDER BY n.id;

-- name: participations
-- Who goes, does not go, or is there.
SELECT r.code, r.name, p.accepted_at, p.declined_at, p.arrived_at, p.by, p.via
FROM participations p
JOIN responders r ON r.id = p.responder_id
WHERE p.incident_id = %(id)s
ORDER BY r.code;

-- name: responders
-- The names of those who were asked or said something.
SELECT r.id, r.name
FROM responders r
WHERE r.id IN (SELECT responder_id FROM notifications WHERE incident_id = %(id)s
               UNION SELECT responder_id FROM participations WHERE incident_id = %(id)s);

-- name: notes
-- What people wrote about an incident.
SELECT n.id, n.at, n.author, n.body FROM notes n WHERE n.incident_id = %(id)s ORDER BY n.id;

-- name: alarms
-- The alarms that belong to an incident.
SELECT a.id, a.source, a.hazard, a.state, a.at, a.received_at, a.repeats, a.faults
FROM incident_alarms x JOIN alarms a ON a.id = x.alarm_id
WHERE x.incident_id = %(id)s
ORDER BY a.id;

-- name: newest_event
-- The highest number that the timeline has given out.
SELECT coalesce(max(id), 0) FROM timeline;

-- name: events
-- Entries of all timelines behind a number, and those of given numbers; what lies outside the subtree comes bare, so
-- that a gap in the numbers can be told from an entry that is not to be seen.
SELECT t.id, coalesce(o.path @> ARRAY[%(within)s::bigint], false), t.incident_id, i.number, i.hazard, i.severity,
       i.state, i.mode, o.code, t.at, t.kind, t.reason, t.actor, t.detail
FROM timeline t
JOIN incidents i ON i.id = t.incident_id
JOIN organisations o ON o.id = i.organisation_id
WHERE t.id > %(after)s OR t.id = ANY(%(missing)s::bigint[])
ORDER BY t.id
LIMIT %(limit)s;
