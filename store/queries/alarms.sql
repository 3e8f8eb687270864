-- name: commit
-- One alarm, whole, in one statement: it is stored once however often it comes, and if it is raised it is attached to
-- the one unresolved incident of its key, which is opened if there is none.
--   known    a source that gives its events no ids: the same words, lately (asked for only where a repeat is likely)
--   changed  a protocol that repeats its state: only a change against the committed one is an event; the row is locked
--   alarm    the alarm, or the count of its repeats
--   incident DO UPDATE and not DO NOTHING, which cannot see an incident that is being opened by somebody else
--   promised what devices have been told of the incident, and still holds, is told to this one too
WITH known AS (
    SELECT a.id
    FROM alarms a
    WHERE %(same_since)s::timestamptz IS NOT NULL AND a.source = %(source)s::text
      AND a.received_at >= %(same_since)s::timestamptz AND a.digest = %(digest)s::integer
      AND a.payload = %(payload)s::bytea AND a.hazard = %(hazard)s::text AND a.state = %(state)s::text
    ORDER BY a.id
    LIMIT 1
), repeated AS (
    UPDATE alarms a SET repeats = a.repeats + 1 FROM known WHERE a.id = known.id RETURNING a.id
), changed AS (
    INSERT INTO device_hazards AS h (device_key, hazard, state, since)
    SELECT %(device_key)s::bigint, %(hazard)s::text, %(state)s::text, %(now)s::timestamptz
    WHERE %(republished)s::boolean AND NOT EXISTS (SELECT FROM known)
      AND (%(state)s::text <> 'cleared' OR EXISTS (
          SELECT FROM device_hazards WHERE device_key = %(device_key)s::bigint AND hazard = %(hazard)s::text))
    ON CONFLICT (device_key, hazard) DO UPDATE SET state = excluded.state, since = excluded.since
    WHERE h.state <> excluded.state
    RETURNING h.hazard
), alarm AS (
    INSERT INTO alarms (source, identity, device_key, event_id, hazard, state, mode, at, received_at, digest, payload,
                        faults)
    SELECT %(source)s::text, %(identity)s::text, %(device_key)s::bigint, %(event_id)s::text, %(hazard)s::text,
           %(state)s::text, %(mode)s::text, to_timestamp(%(at)s::double precision), %(now)s::timestamptz,
           %(digest)s::integer, %(payload)s::bytea, %(faults)s::text[]
    WHERE NOT EXISTS (SELECT FROM known) AND (NOT %(republished)s::boolean OR EXISTS (SELECT FROM changed))
    ON CONFLICT (source, identity) DO UPDATE SET repeats = alarms.repeats + 1
    RETURNING id, repeats = 0 AS fresh
), incident AS (
    INSERT INTO incidents (mode, subject_kind, subject_id, hazard, severity, organisation_id, level_id, household_id,
                           resident_id, device_key, opened_at, last_alarm_at, next_step_at)
    SELECT %(mode)s::text, %(subject_kind)s::text, %(subject_id)s::text, %(hazard)s::text, %(severity)s::smallint,
           %(organisation_id)s::bigint, %(organisation_id)s::bigint, %(household_id)s::bigint,
           %(resident_id)s::bigint, %(device_key)s::bigint, %(now)s::timestamptz, %(now)s::timestamptz,
           %(now)s::timestamptz
    FROM alarm
    WHERE alarm.fresh AND %(state)s::text = 'raised'
    ON CONFLICT (mode, subject_kind, subject_id, hazard) WHERE state <> 'resolved' DO UPDATE
    SET alarms = incidents.alarms + 1,
        last_alarm_at = greatest(incidents.last_alarm_at, excluded.last_alarm_at),
        reasserted_at = CASE WHEN incidents.state = 'open' THEN incidents.reasserted_at ELSE excluded.opened_at END,
        next_step_at = CASE WHEN incidents.state = 'open' THEN incidents.next_step_at
                            ELSE least(incidents.next_step_at, excluded.next_step_at) END
    RETURNING id, alarms = 1 AS opened, round, state
), attached AS (
    INSERT INTO incident_alarms (alarm_id, incident_id) SELECT alarm.id, incident.id FROM alarm, incident
), promised AS (
    INSERT INTO receipts (alarm_id, stage, by, at)
    SELECT alarm.id, held.stage, held.by, %(now)s::timestamptz
    FROM alarm
    CROSS JOIN incident
    JOIN devices d ON d.id = %(device_key)s::bigint
    JOIN device_models m ON m.model = d.model AND m.protocol = 'native'
    CROSS JOIN LATERAL (
        SELECT 'notified' AS stage, '' AS by
        FROM notifications n
        WHERE n.incident_id = incident.id AND n.round = incident.round AND n.sent_at IS NOT NULL
        UNION
        SELECT r.stage, r.by
        FROM incident_alarms ia
        JOIN receipts r ON r.alarm_id = ia.alarm_id AND r.stage = 'accepted'
        WHERE ia.incident_id = incident.id AND incident.state <> 'open') AS held
    WHERE NOT incident.opened AND %(event_id)s::text IS NOT NULL
), told AS (
    INSERT INTO timeline (incident_id, at, kind, reason, detail)
    SELECT incident.id, %(now)s::timestamptz, CASE WHEN incident.opened THEN 'opened' ELSE 'alarm_again' END,
           %(reason)s::text, %(detail)s::jsonb || jsonb_build_object('alarm_id', alarm.id)
    FROM alarm, incident
), cleared AS (
    INSERT INTO timeline (incident_id, at, kind, reason, detail)
    SELECT i.id, %(now)s::timestamptz, 'cleared', %(reason)s::text,
           %(detail)s::jsonb || jsonb_build_object('alarm_id', alarm.id)
    FROM alarm, incidents i
    WHERE alarm.fresh AND %(state)s::text = 'cleared' AND i.mode = %(mode)s::text
      AND i.subject_kind = %(subject_kind)s::text AND i.subject_id = %(subject_id)s::text
      AND i.hazard = %(hazard)s::text AND i.state <> 'resolved'
)
SELECT coalesce(alarm.id, repeated.id), coalesce(alarm.fresh, false), incident.id, coalesce(incident.opened, false)
FROM (VALUES (1)) AS one (row)
LEFT JOIN alarm ON true
LEFT JOIN repeated ON true
LEFT JOIN incident ON true;
