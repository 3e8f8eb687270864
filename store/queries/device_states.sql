-- name: merge
-- What is known of devices now. Nothing moves back: late words change neither the time last seen nor what newer words
-- said. Rows come sorted by key; a device that is registered no more is left out.
INSERT INTO device_states AS s (device_key, last_seen_at, online, session, battery_pct, battery_at, lat, lon, accuracy_m,
                                position_at, worn, worn_at, charging, charging_at)
SELECT r.device_key, r.last_seen_at, r.online, r.session, r.battery_pct, r.battery_at, r.lat, r.lon, r.accuracy_m,
       r.position_at, r.worn, r.worn_at, r.charging, r.charging_at
FROM unnest(%(device_key)s::bigint[], %(last_seen_at)s::timestamptz[], %(online)s::boolean[], %(session)s::text[],
            %(battery_pct)s::real[], %(battery_at)s::timestamptz[], %(lat)s::double precision[],
            %(lon)s::double precision[], %(accuracy_m)s::real[], %(position_at)s::timestamptz[], %(worn)s::boolean[],
            %(worn_at)s::timestamptz[], %(charging)s::boolean[], %(charging_at)s::timestamptz[])
    AS r(device_key, last_seen_at, online, session, battery_pct, battery_at, lat, lon, accuracy_m, position_at, worn,
         worn_at, charging, charging_at)
JOIN devices d ON d.id = r.device_key
ON CONFLICT (device_key) DO UPDATE
SET last_seen_at = greatest(s.last_seen_at, excluded.last_seen_at),
    online = coalesce(excluded.online, s.online),
    session = coalesce(excluded.session, s.session),
    battery_pct = CASE WHEN excluded.battery_at >= coalesce(s.battery_at, '-infinity') THEN excluded.battery_pct
                       ELSE s.battery_pct END,
    battery_at = greatest(s.battery_at, excluded.battery_at),
    lat = CASE WHEN excluded.position_at >= coalesce(s.position_at, '-infinity') THEN excluded.lat ELSE s.lat END,
    lon = CASE WHEN excluded.position_at >= coalesce(s.position_at, '-infinity') THEN excluded.lon ELSE s.lon END,
    accuracy_m = CASE WHEN excluded.position_at >= coalesce(s.position_at, '-infinity') THEN excluded.accuracy_m
                      ELSE s.accuracy_m END,
    position_at = greatest(s.position_at, excluded.position_at),
    worn = CASE WHEN excluded.worn_at >= coalesce(s.worn_at, '-infinity') THEN excluded.worn ELSE s.worn END,
    worn_at = greatest(s.worn_at, excluded.worn_at),
    charging = CASE WHEN excluded.charging_at >= coalesce(s.charging_at, '-infinity') THEN excluded.charging
                    ELSE s.charging END,
    charging_at = greatest(s.charging_at, excluded.charging_at);

-- name: offline
-- Devices that somebody says are gone. The will of another session than the current one is ignored: the device has come
-- back since. Whose rows are locked is settled by key first.
WITH gone AS (
    SELECT s.device_key
    FROM device_states s
    JOIN unnest(%(device_key)s::bigint[], %(session)s::text[]) AS r(device_key, session) USING (device_key)
    WHERE s.session IS NULL OR r.session IS NULL OR s.session = r.session
    ORDER BY s.device_key
    FOR NO KEY UPDATE OF s
)
UPDATE device_states s SET online = false FROM gone WHERE s.device_key = gone.device_key;
