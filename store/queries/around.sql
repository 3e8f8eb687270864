-- name: readings
-- What the devices at an incident measured: for each device and quantity the least, the greatest and the last value of
-- each stretch of time. Devices of other residents are left out, and so is health, unless its resident consents now.
WITH bound AS (
    SELECT d.id, d.device_id, d.room, m.kind, d.bound_at,
           (SELECT min(c.valid_from) FROM consents c
            WHERE c.resident_id = d.resident_id AND c.purpose = 'health' AND c.recipient = %(recipient)s::text
              AND c.valid_from <= %(now)s AND (c.valid_until IS NULL OR c.valid_until > %(now)s)
              AND (c.withdrawn_at IS NULL OR c.withdrawn_at > %(now)s)) AS health_from
    FROM incidents i
    JOIN devices d ON (d.household_id = i.household_id OR d.id = i.device_key) AND d.retired_at IS NULL
        AND (d.resident_id IS NULL OR i.resident_id IS NULL OR d.resident_id = i.resident_id)
    JOIN device_models m ON m.model = d.model
    WHERE i.id = %(incident_id)s)
SELECT b.device_id, b.kind, b.room, v.quantity,
       date_bin(%(stretch)s::interval, r.at, %(origin)s::timestamptz) AS begins,
       min(v.value), max(v.value), (array_agg(v.value ORDER BY r.at DESC))[1], max(r.at)
FROM bound b
JOIN readings r ON r.device_key = b.id AND r.at >= b.bound_at AND r.at >= %(since)s AND r.at < %(until)s
CROSS JOIN LATERAL (VALUES
    ('heart_rate_bpm', r.heart_rate_bpm::double precision, true),
    ('spo2_pct', r.spo2_pct, true),
    ('systolic_mmhg', r.systolic_mmhg, true),
    ('diastolic_mmhg', r.diastolic_mmhg, true),
    ('temperature_c', r.temperature_c, true),
    ('steps', r.steps, true),
    ('motion', r.motion::integer, true),
    ('contact_open', r.contact_open::integer, false),
    ('smoke_level', r.smoke_level, false),
    ('battery_pct', r.battery_pct, false)) AS v(quantity, value, health)
WHERE v.value IS NOT NULL AND (NOT v.health OR r.at >= b.health_from)
GROUP BY b.device_id, b.kind, b.room, v.quantity, begins
ORDER BY b.device_id, v.quantity, begins;

-- name: whose
-- Whom the positions of an incident are asked of: row id and code.
SELECT s.id, s.code
FROM incidents i
JOIN residents s ON s.id = i.resident_id
    OR i.resident_id IS NULL AND s.household_id = i.household_id AND s.retired_at IS NULL
WHERE i.id = %(incident_id)s
ORDER BY s.id;

-- name: rules
-- The rules that have found an incident, and for what they were judged.
SELECT DISTINCT substr(a.source, 6), i.organisation_id, d.id, m.kind, i.resident_id, i.household_id
FROM incidents i
JOIN incident_alarms x ON x.incident_id = i.id
JOIN alarms a ON a.id = x.alarm_id AND a.source LIKE 'rule:%%'
LEFT JOIN devices d ON d.id = a.device_key
LEFT JOIN device_models m ON m.model = d.model
WHERE i.id = %(incident_id)s;
