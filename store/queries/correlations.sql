-- name: candidates
-- All unresolved incidents of homes in which one of these hazards might become graver.
SELECT i.household_id, i.organisation_id, i.id, i.hazard, i.severity, extract(epoch FROM i.opened_at)::double precision
FROM incidents i
WHERE i.state <> 'resolved' AND i.household_id IN (
    SELECT o.household_id FROM incidents o
    WHERE o.state <> 'resolved' AND o.hazard = ANY (%(hazards)s::text[]) AND o.severity > 1)
ORDER BY i.id;

-- name: last_signs
-- When somebody last moved in these homes, looked for in the last day: 0 if nobody did, no row if no sensor could tell.
SELECT d.household_id, coalesce(extract(epoch FROM max(r.at)), 0)::double precision
FROM devices d
JOIN device_models m ON m.model = d.model AND m.kind = 'infrared_sensor'
LEFT JOIN readings r ON r.device_key = d.id AND r.motion AND r.at > %(now)s::timestamptz - interval '1 day'
    AND r.at <= %(now)s::timestamptz
WHERE d.retired_at IS NULL AND d.household_id = ANY (%(households)s::bigint[])
GROUP BY d.household_id;

-- name: make_graver
-- Never the other way; what is that grave already stays as it is.
UPDATE incidents SET severity = %(severity)s
WHERE id = %(id)s AND severity > %(severity)s AND state <> 'resolved'
RETURNING id;

-- name: signals
-- What the devices of these incidents have said of their hazard since a moment, oldest first.
SELECT i.id, a.state, extract(epoch FROM a.received_at)::double precision
FROM incidents i
JOIN alarms a ON a.device_key = i.device_key AND a.hazard = i.hazard AND a.received_at > %(since)s
WHERE i.id = ANY (%(ids)s::bigint[])
ORDER BY a.received_at, a.id;

-- name: told
-- Whether it has been told since a moment that an incident is held for this reason.
SELECT EXISTS (SELECT FROM timeline WHERE incident_id = %(id)s AND kind = 'held' AND reason = %(reason)s
               AND at > %(since)s);
