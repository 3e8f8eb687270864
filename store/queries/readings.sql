-- name: copy
-- Rows in PostgreSQL's binary COPY format, straight into the table. One repeat among them refuses them all.
COPY readings (device_key, at, digest, received_at, seq, lat, lon, accuracy_m, speed_mps, heart_rate_bpm, spo2_pct,
               systolic_mmhg, diastolic_mmhg, temperature_c, steps, motion, contact_open, smoke_level, battery_pct,
               rssi_dbm, worn, charging, extra)
FROM STDIN (FORMAT binary);

-- name: stage
-- A place beside the table, of this connection alone, where repeats are found.
CREATE TEMPORARY TABLE IF NOT EXISTS incoming_readings (
    device_key bigint, at timestamptz, digest integer, received_at timestamptz, seq bigint, lat double precision,
    lon double precision, accuracy_m real, speed_mps real, heart_rate_bpm real, spo2_pct real, systolic_mmhg real,
    diastolic_mmhg real, temperature_c real, steps bigint, motion boolean, contact_open boolean, smoke_level real,
    battery_pct real, rssi_dbm real, worn boolean, charging boolean, extra text) ON COMMIT DELETE ROWS;

-- name: copy_aside
-- The same rows into that place.
COPY incoming_readings FROM STDIN (FORMAT binary);

-- name: drop_untimed_repeats
-- A reading without a time of its own was given that of its receipt. Where its message is marked as a repeat, the same
-- words stored lately are this very reading.
DELETE FROM incoming_readings i
USING unnest(%(device_keys)s::bigint[], %(ats)s::timestamptz[], %(digests)s::integer[]) AS u(device_key, at, digest)
WHERE i.device_key = u.device_key AND i.at = u.at AND i.digest = u.digest
  AND EXISTS (
    SELECT FROM readings r
    WHERE r.device_key = u.device_key AND r.digest = u.digest
      AND r.at >= u.at - %(within)s::interval AND r.at < u.at);

-- name: merge
-- What is not yet in the table, into the table.
INSERT INTO readings (device_key, at, digest, received_at, seq, lat, lon, accuracy_m, speed_mps, heart_rate_bpm,
                      spo2_pct, systolic_mmhg, diastolic_mmhg, temperature_c, steps, motion, contact_open, smoke_level,
                      battery_pct, rssi_dbm, worn, charging, extra)
SELECT device_key, at, digest, received_at, seq, lat, lon, accuracy_m, speed_mps, heart_rate_bpm, spo2_pct,
       systolic_mmhg, diastolic_mmhg, temperature_c, steps, motion, contact_open, smoke_level, battery_pct, rssi_dbm,
       worn, charging, extra
FROM incoming_readings
ON CONFLICT (device_key, at, digest) DO NOTHING;

-- name: keep_misdated
-- Readings whose time is far from ours: shown, and never "latest".
INSERT INTO readings_misdated (device_key, at, digest, received_at, reading)
SELECT r.device_key, r.at, r.digest, r.received_at, r.reading
FROM unnest(%(device_keys)s::bigint[], %(ats)s::timestamptz[], %(digests)s::integer[], %(received_ats)s::timestamptz[],
            %(readings)s::jsonb[]) AS r(device_key, at, digest, received_at, reading)
ON CONFLICT (device_key, at, digest) DO NOTHING;
