-- name: silent_lately
-- Devices judged silent since a moment, for which nobody speaks and nobody has spoken, with their open incidents.
SELECT w.device_key, i.id, w.mode, w.household_id, o.path
FROM watches w
JOIN organisations o ON o.id = w.organisation_id
JOIN incidents i ON i.mode = w.mode AND i.subject_kind = 'device' AND i.subject_id = w.device_key::text
    AND i.hazard = 'device_offline' AND i.state <> 'resolved'
WHERE w.silent_since IS NOT NULL AND w.judged_at > %(since)s AND w.area_id IS NULL AND i.area_id IS NULL
ORDER BY w.device_key;

-- name: behind_gateways
-- For each of these devices the open incident of the gateway that it speaks through: a gateway is registered at
-- ``<base>/bridge``, what is behind it below ``<base>/``.
SELECT DISTINCT ON (d.id) d.id, i.id
FROM devices d
CROSS JOIN LATERAL (SELECT string_to_array(d.address, '/') AS levels) split
CROSS JOIN LATERAL generate_series(1, cardinality(split.levels) - 1) AS n
JOIN devices g ON g.address = array_to_string(split.levels[1:n], '/') || '/bridge' AND g.id <> d.id
JOIN watches gw ON gw.device_key = g.id AND gw.silent_since IS NOT NULL
JOIN incidents i ON i.mode = gw.mode AND i.subject_kind = 'device' AND i.subject_id = g.id::text
    AND i.hazard = 'device_offline' AND i.state <> 'resolved'
WHERE d.id = ANY (%(device_keys)s)
ORDER BY d.id, n DESC;

-- name: open
-- Unresolved area incidents: which organisation each speaks for.
SELECT id, mode, organisation_id FROM incidents WHERE hazard = 'area_outage' AND state <> 'resolved' ORDER BY id;

-- name: watched
-- How many devices each organisation watches itself, by mode.
SELECT w.mode, o.path, count(*) FROM watches w JOIN organisations o ON o.id = w.organisation_id GROUP BY w.mode, o.path;

-- name: hold_watches
-- An incident speaks for these devices from now on, as far as they are still silent.
UPDATE watches
SET area_id = %(area_id)s
WHERE device_key IN (
    SELECT device_key FROM watches WHERE device_key = ANY (%(device_keys)s) ORDER BY device_key FOR NO KEY UPDATE)
  AND silent_since IS NOT NULL AND area_id IS NULL
RETURNING device_key;

-- name: hold_incidents
-- What they are notified of waits for the one that speaks for them.
UPDATE incidents i
SET area_id = %(area_id)s
WHERE i.id IN (
    SELECT id FROM incidents
    WHERE hazard = 'device_offline' AND state <> 'resolved' AND subject_kind = 'device' AND area_id IS NULL
      AND device_key = ANY (%(device_keys)s)
    ORDER BY id FOR NO KEY UPDATE)
RETURNING i.id;

-- name: standing
-- Of each unresolved area incident: how many devices it speaks for, and of how many the silence is over.
SELECT a.id, count(*), count(*) FILTER (WHERE i.state = 'resolved')
FROM incidents a
JOIN incidents i ON i.area_id = a.id
WHERE a.hazard = 'area_outage' AND a.state <> 'resolved'
GROUP BY a.id
ORDER BY a.id;

-- name: release_watches
-- Whoever spoke for these devices is resolved: they speak for themselves again.
UPDATE watches w
SET area_id = NULL
FROM incidents a
WHERE a.id = w.area_id AND a.state = 'resolved' AND w.device_key IN (
    SELECT q.device_key FROM watches q JOIN incidents b ON b.id = q.area_id AND b.state = 'resolved'
    ORDER BY q.device_key LIMIT %(limit)s FOR NO KEY UPDATE OF q SKIP LOCKED)
RETURNING w.device_key, a.id;

-- name: release_incidents
-- Their own plans start now.
UPDATE incidents
SET next_step_at = %(now)s
WHERE id IN (
    SELECT i.id
    FROM incidents i
    JOIN unnest(%(device_keys)s::bigint[], %(area_ids)s::bigint[]) AS r(device_key, area_id)
        ON r.device_key = i.device_key AND r.area_id = i.area_id
    WHERE i.state <> 'resolved'
    ORDER BY i.id FOR NO KEY UPDATE OF i)
RETURNING id, area_id;
