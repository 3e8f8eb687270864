-- name: lock
-- An incident as an answer meets it, locked until the answer is written.
SELECT i.state, i.severity, i.hazard, i.round, i.acknowledged_at, i.on_scene_at, i.taken_by, i.taken_until,
       i.reask_until, i.next_step_at, i.resident_id, coalesce((p.plan ->> 'needed')::integer, 1),
       coalesce((p.plan ->> 'arrive_within_s')::integer, 1800)
FROM incidents i
LEFT JOIN plans p ON p.id = i.plan_id
WHERE i.id = %(incident_id)s
FOR NO KEY UPDATE OF i;

-- name: part
-- What this person has said so far.
SELECT accepted_at, declined_at, arrived_at
FROM participations
WHERE incident_id = %(incident_id)s AND responder_id = %(responder_id)s;

-- name: going
-- Who else has accepted and not withdrawn.
SELECT r.name
FROM participations p
JOIN responders r ON r.id = p.responder_id
WHERE p.incident_id = %(incident_id)s AND p.accepted_at IS NOT NULL AND p.declined_at IS NULL
  AND p.responder_id IS DISTINCT FROM %(responder_id)s
ORDER BY p.accepted_at;

-- name: take_part
-- Record what a person says. An acceptance takes back a refusal, and the other way round.
INSERT INTO participations (incident_id, responder_id, accepted_at, declined_at, arrived_at, by, via)
VALUES (%(incident_id)s, %(responder_id)s, %(accepted_at)s, %(declined_at)s, %(arrived_at)s, %(by)s, %(via)s)
ON CONFLICT (incident_id, responder_id) DO UPDATE
SET accepted_at = excluded.accepted_at, declined_at = excluded.declined_at, arrived_at = excluded.arrived_at,
    by = excluded.by, via = excluded.via;

-- name: mark_answered
-- The answer stands on the notification it was given to, or on all that this person has not answered yet.
UPDATE notifications
SET answer = %(answer)s, answered_at = %(now)s
WHERE incident_id = %(incident_id)s AND answer IS NULL
  AND CASE WHEN %(notification_id)s::bigint IS NULL
           THEN responder_id IS NOT DISTINCT FROM %(responder_id)s AND state NOT IN ('pending', 'cancelled')
           ELSE id = %(notification_id)s END;

-- name: confirm_contact
-- Whoever answers once through a contact has confirmed it.
UPDATE contacts c
SET confirmed_at = %(now)s
FROM notifications n
WHERE n.id = %(notification_id)s AND c.id = n.contact_id AND c.confirmed_at IS NULL;

-- name: move
-- Where the incident stands after the answer.
UPDATE incidents
SET state = %(state)s, acknowledged_at = %(acknowledged_at)s, on_scene_at = %(on_scene_at)s,
    reminded_at = CASE WHEN %(state)s = 'on_scene' THEN NULL ELSE reminded_at END,
    reask_until = %(reask_until)s, taken_by = %(taken_by)s, taken_until = %(taken_until)s,
    round = %(round)s, step = CASE WHEN %(restart)s THEN 0 ELSE step END,
    step_started_at = CASE WHEN %(restart)s THEN NULL ELSE step_started_at END,
    round_started_at = CASE WHEN %(restart)s THEN %(now)s ELSE round_started_at END,
    next_step_at = %(next_step_at)s
WHERE id = %(incident_id)s;

-- name: resolve
-- The end, with its outcome.
UPDATE incidents
SET state = 'resolved', resolved_at = %(now)s, outcome = %(outcome)s, resolved_by = %(by)s, next_step_at = NULL,
    taken_by = NULL, taken_until = NULL, reask_until = NULL, reasserted_at = NULL
WHERE id = %(incident_id)s;

-- name: cancel_pending
-- Nobody else needs to be asked: what has not gone out yet does not.
UPDATE notifications
SET state = 'cancelled', failure = 'cancelled_by_us'
WHERE incident_id = %(incident_id)s AND state = 'pending' AND purpose <> 'connect'
RETURNING id;

-- name: relation
-- Who this person is to the resident, in the resident's words; else the circle's name.
SELECT coalesce(nullif(m.relation, ''), m.circle)
FROM incidents i
JOIN organisations level ON level.id = i.organisation_id
JOIN circle_members m ON m.responder_id = %(responder_id)s
    AND (m.household_id = i.household_id OR m.organisation_id = ANY (level.path))
WHERE i.id = %(incident_id)s
ORDER BY m.household_id NULLS LAST
LIMIT 1;

-- name: add_note
-- Personal text about an incident.
INSERT INTO notes (incident_id, at, author, body) VALUES (%(incident_id)s, %(now)s, %(by)s, %(body)s) RETURNING id;

-- name: hand_over
-- To the parent of the organisation that handles it now; it goes round there from the start.
UPDATE incidents i
SET level_id = parent.id, state = 'open', acknowledged_at = NULL, on_scene_at = NULL, reminded_at = NULL,
    reask_until = NULL, taken_by = NULL, taken_until = NULL, round = i.round + 1, round_started_at = %(now)s, step = 0,
    step_started_at = NULL, next_step_at = %(now)s
FROM organisations level
JOIN organisations parent ON parent.id = level.parent_id
WHERE i.id = %(incident_id)s AND level.id = i.level_id AND i.state <> 'resolved'
RETURNING level.id, parent.id;

-- name: unanswered
-- Whether a notification still waits for its answer.
SELECT answer IS NULL FROM notifications WHERE id = %(notification_id)s;

-- name: hurry
-- Nobody who was asked before this moment is waited for; a pause ends.
UPDATE incidents
SET hurried_at = %(now)s, taken_by = NULL, taken_until = NULL, next_step_at = %(now)s
WHERE id = %(incident_id)s AND state = 'open'
RETURNING id;
