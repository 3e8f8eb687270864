-- name: readings
-- Readings of a device in order of time. Where nobody consents (no moment to begin at), location and health are null.
SELECT r.at, r.digest, r.received_at, r.seq,
       CASE WHEN r.at >= %(location_from)s::timestamptz THEN r.lat END,
       CASE WHEN r.at >= %(location_from)s::timestamptz THEN r.lon END,
       CASE WHEN r.at >= %(location_from)s::timestamptz THEN r.accuracy_m END,
       CASE WHEN r.at >= %(location_from)s::timestamptz THEN r.speed_mps END,
       CASE WHEN r.at >= %(health_from)s::timestamptz THEN r.heart_rate_bpm END,
       CASE WHEN r.at >= %(health_from)s::timestamptz THEN r.spo2_pct END,
       CASE WHEN r.at >= %(health_from)s::timestamptz THEN r.systolic_mmhg END,
       CASE WHEN r.at >= %(health_from)s::timestamptz THEN r.diastolic_mmhg END,
       CASE WHEN r.at >= %(health_from)s::timestamptz THEN r.temperature_c END,
       CASE WHEN r.at >= %(health_from)s::timestamptz THEN r.steps END,
       CASE WHEN r.at >= %(health_from)s::timestamptz THEN r.motion END,
       CASE WHEN r.at >= %(health_from)s::timestamptz THEN r.worn END,
       r.contact_open, r.smoke_level, r.battery_pct, r.rssi_dbm, r.charging
FROM readings r
WHERE r.device_key = %(device_key)s AND r.at >= %(since)s AND r.at < %(until)s
  AND (%(after_at)s::timestamptz IS NULL
       OR (r.at, r.digest) > (%(after_at)s::timestamptz, %(after_digest)s::integer))
ORDER BY r.at, r.digest
LIMIT %(limit)s;

-- name: track
-- Where a resident's devices were, in order of time.
SELECT r.at, r.digest, d.device_id, r.lat, r.lon, r.accuracy_m, r.speed_mps
FROM devices d
JOIN readings r ON r.device_key = d.id AND r.at >= d.bound_at
WHERE d.resident_id = %(resident_id)s AND r.lat IS NOT NULL AND r.lon IS NOT NULL
  AND r.at >= greatest(%(since)s::timestamptz, %(location_from)s::timestamptz) AND r.at < %(until)s
  AND (%(after_at)s::timestamptz IS NULL
       OR (r.at, r.digest) > (%(after_at)s::timestamptz, %(after_digest)s::integer))
ORDER BY r.at, r.digest
LIMIT %(limit)s;

-- name: bearer
-- To whom a device is bound, and since when.
SELECT d.resident_id, r.code, d.bound_at
FROM devices d LEFT JOIN residents r ON r.id = d.resident_id
WHERE d.id = %(device_key)s;

-- name: device_state
-- What is known of a device now.
SELECT s.last_seen_at, s.online, s.battery_pct, s.battery_at, s.charging, s.charging_at, w.silent_since, s.worn,
       s.worn_at, s.lat, s.lon, s.accuracy_m, s.position_at
FROM devices d
LEFT JOIN device_states s ON s.device_key = d.id
LEFT JOIN watches w ON w.device_key = d.id
WHERE d.id = %(device_key)s;
