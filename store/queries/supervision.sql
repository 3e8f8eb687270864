-- name: settle
-- Make the watches of some devices fit their registration. Whoever is registered, bound to a home (or a gateway) and not
-- retired has one. A new home, class or state arms it anew; a new home ends its silence too. It is due at once: the next
-- look works out until when it may be silent.
WITH taken AS (
    DELETE FROM watches_unsettled
    WHERE device_key IN (
        SELECT device_key FROM watches_unsettled ORDER BY device_key LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
    RETURNING device_key
), wanted AS (
    SELECT d.id, coalesce(h.mode, d.mode) AS mode, coalesce(h.organisation_id, d.organisation_id) AS organisation_id,
           h.id AS household_id, r.id AS resident_id, m.silent_after,
           m.kind = ANY (%(worn)s) AND coalesce(r.state, 'home') <> 'home' AS resting
    FROM taken t
    JOIN devices d ON d.id = t.device_key
    JOIN device_models m ON m.model = d.model
    LEFT JOIN households h ON h.id = d.household_id AND h.retired_at IS NULL
    LEFT JOIN residents r ON r.id = d.resident_id AND r.retired_at IS NULL
    WHERE d.retired_at IS NULL AND (h.id IS NOT NULL OR m.kind = 'gateway')
), ended AS (
    DELETE FROM watches w USING taken t
    WHERE w.device_key = t.device_key AND NOT EXISTS (SELECT FROM wanted WHERE wanted.id = t.device_key)
), settled AS (
    INSERT INTO watches AS w (device_key, mode, organisation_id, household_id, resident_id, silent_after, resting,
                              armed_at, due_at)
    SELECT id, mode, organisation_id, household_id, resident_id, silent_after, resting, %(now)s, %(now)s
    FROM wanted
    ORDER BY id
    ON CONFLICT (device_key) DO UPDATE
    SET mode = excluded.mode, organisation_id = excluded.organisation_id, household_id = excluded.household_id,
        resident_id = excluded.resident_id, silent_after = excluded.silent_after, resting = excluded.resting,
        due_at = excluded.due_at,
        armed_at = CASE
            WHEN (w.mode, w.household_id, w.resident_id, w.silent_after, w.resting) IS DISTINCT FROM
                 (excluded.mode, excluded.household_id, excluded.resident_id, excluded.silent_after, excluded.resting)
            THEN excluded.armed_at ELSE w.armed_at END,
        (silent_since, judged_at, back_since, area_id, recovered_at, battery_low) = (
            SELECT w.silent_since, w.judged_at, w.back_since, w.area_id, w.recovered_at, w.battery_low
            WHERE (w.mode, w.household_id, w.resident_id) IS NOT DISTINCT FROM
                  (excluded.mode, excluded.household_id, excluded.resident_id)
            UNION ALL
            SELECT NULL, NULL, NULL, NULL, NULL, false
            WHERE (w.mode, w.household_id, w.resident_id) IS DISTINCT FROM
                  (excluded.mode, excluded.household_id, excluded.resident_id))
)
SELECT count(*) FROM taken;

-- name: horizon
-- Up to when everything that devices published has been heard: until the last canary of the lane that lags most. Nothing
-- while a lane has never had one.
SELECT CASE WHEN bool_and(committed_at IS NOT NULL) THEN min(heard_until(published_at, committed_at)) END
FROM canaries;

-- name: outages
-- Our own outages that may still excuse a silence. Silence is measured over 32 days at most, and our outages are short.
SELECT began_at, excused_until
FROM outages
WHERE excused_until > %(now)s - interval '90 days'
ORDER BY began_at;

-- name: claim
-- Watches to look at, locked: those that are due, those that are silent and may have been heard, those whose connection
-- has come or gone.
SELECT w.device_key, w.silent_after, w.resting, w.armed_at, w.offline_since, w.offline_session, w.silent_since,
       w.judged_at, w.back_since, w.recovered_at, w.epoch, w.mode, w.organisation_id, w.household_id, w.resident_id
FROM watches w
WHERE w.device_key IN (
    (SELECT device_key FROM watches WHERE due_at <= %(horizon)s ORDER BY due_at LIMIT %(limit)s)
    UNION ALL
    (SELECT q.device_key
     FROM watches q
     JOIN device_states s ON s.device_key = q.device_key
     WHERE q.silent_since IS NOT NULL AND q.back_since IS NULL AND s.last_seen_at > q.silent_since
       AND (s.online IS DISTINCT FROM false OR s.last_seen_at > q.offline_since)
     LIMIT %(limit)s)
    UNION ALL
    (SELECT q.device_key
     FROM device_states s
     JOIN watches q ON q.device_key = s.device_key
     WHERE s.online = false AND (q.offline_since IS NULL OR q.offline_session IS DISTINCT FROM s.session)
     LIMIT %(limit)s)
    UNION ALL
    (SELECT q.device_key
     FROM watches q
     JOIN device_states s ON s.device_key = q.device_key
     WHERE q.offline_since IS NOT NULL AND s.online IS DISTINCT FROM false
     LIMIT %(limit)s))
ORDER BY w.device_key
LIMIT %(limit)s
FOR NO KEY UPDATE OF w SKIP LOCKED;

-- name: heard
-- What has been heard of devices: read after their watches are locked, so that no judgement rests on older words.
SELECT d.id, d.device_id, s.last_seen_at, s.online, s.session
FROM devices d
LEFT JOIN device_states s ON s.device_key = d.id
WHERE d.id = ANY (%(device_keys)s);

-- name: write
-- How watches stand after a look.
UPDATE watches w
SET due_at = r.due_at, offline_since = r.offline_since, offline_session = r.offline_session,
    silent_since = r.silent_since, judged_at = r.judged_at, back_since = r.back_since, recovered_at = r.recovered_at,
    epoch = r.epoch, area_id = CASE WHEN r.silent_since IS NOT NULL THEN w.area_id END
FROM jsonb_to_recordset(%(rows)s) AS r(
    device_key bigint, due_at timestamptz, offline_since timestamptz, offline_session text, silent_since timestamptz,
    judged_at timestamptz, back_since timestamptz, recovered_at timestamptz, epoch integer)
WHERE w.device_key = r.device_key;

-- name: claim_batteries
-- Watches whose battery has something new to say of its being low, locked.
SELECT w.device_key, d.device_id, w.mode, w.organisation_id, w.household_id, w.resident_id, w.battery_low,
       w.battery_doubted, s.battery_pct, s.charging, s.battery_at
FROM watches w
JOIN devices d ON d.id = w.device_key
JOIN device_states s ON s.device_key = w.device_key
WHERE s.battery_pct IS NOT NULL AND s.battery_at IS DISTINCT FROM w.battery_seen_at
  AND (s.battery_pct <= %(low_pct)s OR w.battery_low OR w.battery_doubted)
ORDER BY w.device_key
LIMIT %(limit)s
FOR NO KEY UPDATE OF w SKIP LOCKED;

-- name: write_batteries
-- What is held of batteries after a look.
UPDATE watches w
SET battery_low = r.low, battery_doubted = r.doubted, battery_seen_at = r.seen_at
FROM jsonb_to_recordset(%(rows)s) AS r(device_key bigint, low boolean, doubted boolean, seen_at timestamptz)
WHERE w.device_key = r.device_key;

-- name: open_of
-- The unresolved incidents of one hazard about these devices.
SELECT device_key, id
FROM incidents
WHERE hazard = %(hazard)s AND state <> 'resolved' AND subject_kind = 'device' AND device_key = ANY (%(device_keys)s)
ORDER BY id;

-- name: batteries_well
-- Low batteries that are low no more: measured so later than anybody called them low, or withdrawn by the device itself.
SELECT i.id, s.battery_pct, s.battery_at, said.state
FROM incidents i
LEFT JOIN watches w ON w.device_key = i.device_key
LEFT JOIN device_states s ON s.device_key = i.device_key
LEFT JOIN LATERAL (
    SELECT a.state, a.received_at
    FROM alarms a
    WHERE a.device_key = i.device_key AND a.hazard = 'low_battery' AND a.source <> %(own_source)s AND a.state <> 'test'
    ORDER BY a.received_at DESC, a.id DESC
    LIMIT 1) said ON true
WHERE i.hazard = 'low_battery' AND i.state <> 'resolved' AND i.subject_kind = 'device'
  AND NOT coalesce(w.battery_low, false)
  AND CASE said.state
      WHEN 'cleared' THEN coalesce(s.battery_pct > %(low_pct)s, true)
      WHEN 'raised' THEN s.battery_pct >= %(well_pct)s AND s.battery_at > said.received_at AND NOT EXISTS (
          SELECT FROM device_hazards h
          WHERE h.device_key = i.device_key AND h.hazard = 'low_battery' AND h.state = 'raised')
      ELSE s.battery_pct >= %(well_pct)s END
ORDER BY i.id;

-- name: offline_no_more
-- Incidents of silence that no watch will end: raised by somebody else's word, and the device has been heard since.
SELECT i.id, s.last_seen_at
FROM incidents i
JOIN device_states s ON s.device_key = i.device_key AND s.last_seen_at > i.last_alarm_at AND s.online IS DISTINCT FROM false
LEFT JOIN watches w ON w.device_key = i.device_key
WHERE i.hazard = 'device_offline' AND i.state <> 'resolved' AND i.subject_kind = 'device' AND w.silent_since IS NULL
ORDER BY i.id;

-- name: out_of_place
-- Technical incidents of devices that are watched no more, or in another home or mode than then.
SELECT i.id, d.retired_at IS NOT NULL
FROM incidents i
JOIN devices d ON d.id = i.device_key
LEFT JOIN watches w ON w.device_key = i.device_key
WHERE i.hazard IN ('device_offline', 'low_battery') AND i.state <> 'resolved' AND i.subject_kind = 'device'
  AND NOT EXISTS (SELECT FROM watches_unsettled u WHERE u.device_key = i.device_key)
  AND CASE WHEN w.device_key IS NULL THEN d.retired_at IS NOT NULL OR i.household_id IS NOT NULL
      ELSE w.mode <> i.mode OR w.household_id IS DISTINCT FROM i.household_id END
ORDER BY i.id;
