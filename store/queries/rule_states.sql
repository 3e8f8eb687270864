-- name: save
-- What a lane's rules remember. The deadline is theirs alone: the lane is the only one that judges these readings.
INSERT INTO rule_states AS s (rule, subject, phase, due_at, seen_at, state)
SELECT * FROM unnest(%(rules)s::text[], %(subjects)s::text[], %(phases)s::text[], %(dues)s::timestamptz[],
                     %(seens)s::timestamptz[], %(states)s::bytea[])
ON CONFLICT (rule, subject) DO UPDATE
SET phase = excluded.phase, due_at = excluded.due_at, seen_at = excluded.seen_at, state = excluded.state,
    epoch = s.epoch + 1;

-- name: pull
-- Something has happened that may make these due earlier than they are.
UPDATE rule_states s SET due_at = least(s.due_at, u.due_at), epoch = s.epoch + 1
FROM unnest(%(rules)s::text[], %(subjects)s::text[], %(dues)s::timestamptz[]) AS u(rule, subject, due_at)
WHERE s.rule = u.rule AND s.subject = u.subject AND (s.due_at IS NULL OR s.due_at > u.due_at);

-- name: remembered
-- What lanes' rules remember, where it is more than nothing.
SELECT rule, subject, phase, seen_at, state FROM rule_states
WHERE rule = ANY (%(rules)s::text[]) AND (phase <> 'idle' OR seen_at IS NOT NULL);

-- name: claim
-- States that are due, locked; those that another engine has locked are passed over.
SELECT rule, subject, epoch, phase, due_at, seen_at, state FROM rule_states
WHERE due_at <= %(horizon)s
ORDER BY due_at
LIMIT %(limit)s
FOR UPDATE SKIP LOCKED;

-- name: write
-- What the engine has made of the states it had claimed; no state: as it was.
UPDATE rule_states s
SET phase = u.phase, due_at = u.due_at, seen_at = u.seen_at, state = coalesce(u.state, s.state), epoch = s.epoch + 1
FROM unnest(%(rules)s::text[], %(subjects)s::text[], %(phases)s::text[], %(dues)s::timestamptz[],
            %(seens)s::timestamptz[], %(states)s::bytea[]) AS u(rule, subject, phase, due_at, seen_at, state)
WHERE s.rule = u.rule AND s.subject = u.subject;

-- name: settle
-- A state for each home in which somebody's movements can be seen, and each rule that is judged over homes: due at once.
INSERT INTO rule_states (rule, subject, phase, due_at, state)
SELECT r.rule, 'household:' || h.id, 'idle', %(now)s, ''
FROM households h
CROSS JOIN unnest(%(rules)s::text[]) AS r(rule)
WHERE h.retired_at IS NULL
  AND EXISTS (SELECT FROM devices d JOIN device_models m ON m.model = d.model
              WHERE d.household_id = h.id AND d.retired_at IS NULL
                AND m.kind IN ('infrared_sensor', 'door_sensor'))
  AND NOT EXISTS (SELECT FROM rule_states s WHERE s.rule = r.rule AND s.subject = 'household:' || h.id)
LIMIT %(limit)s
ON CONFLICT (rule, subject) DO NOTHING;

-- name: homes
-- The homes of these households as rules over homes need them: who answers, and whether anybody lives there now.
SELECT h.id, h.organisation_id, h.mode, h.retired_at IS NOT NULL,
       (SELECT min(r.id) FROM residents r WHERE r.household_id = h.id AND r.retired_at IS NULL
        HAVING count(*) = 1),
       EXISTS (SELECT FROM residents r WHERE r.household_id = h.id AND r.retired_at IS NULL)
           AND NOT EXISTS (SELECT FROM residents r WHERE r.household_id = h.id AND r.retired_at IS NULL
                           AND (r.state = 'home' OR r.state_until <= %(now)s))
FROM households h
WHERE h.id = ANY (%(households)s::bigint[]);

-- name: devices
-- Devices as rules need them: whose they are, and who answers.
SELECT d.id, d.device_id, m.kind, d.household_id, d.resident_id, coalesce(h.organisation_id, d.organisation_id),
       coalesce(h.mode, d.mode)
FROM devices d
JOIN device_models m ON m.model = d.model
LEFT JOIN households h ON h.id = d.household_id
WHERE d.retired_at IS NULL
  AND (d.id = ANY (%(devices)s::bigint[]) OR d.household_id = ANY (%(households)s::bigint[])
       OR d.resident_id = ANY (%(residents)s::bigint[]));

-- name: readings
-- What devices have said after a moment of their own, in order of time. What claims the future counts as when it came.
-- The oldest of these moments keeps the days before it from being looked through for each device.
SELECT r.device_key, extract(epoch FROM least(r.at, r.received_at))::double precision, r.lat, r.lon, r.accuracy_m,
       r.speed_mps, r.heart_rate_bpm, r.spo2_pct, r.systolic_mmhg, r.diastolic_mmhg, r.temperature_c, r.steps,
       r.motion, r.contact_open, r.smoke_level, r.battery_pct, r.rssi_dbm, r.worn, r.charging
FROM unnest(%(devices)s::bigint[], %(sinces)s::timestamptz[]) AS u(device_key, since)
JOIN readings r ON r.device_key = u.device_key AND r.at > u.since AND r.at > %(oldest)s
ORDER BY 2;

-- name: household
-- A household by its code.
SELECT id FROM households WHERE code = %(code)s;

-- name: history
-- What devices said in a time, in order of time; what claims the future counts as when it came.
SELECT r.device_key, extract(epoch FROM least(r.at, r.received_at))::double precision, r.lat, r.lon, r.accuracy_m,
       r.speed_mps, r.heart_rate_bpm, r.spo2_pct, r.systolic_mmhg, r.diastolic_mmhg, r.temperature_c, r.steps,
       r.motion, r.contact_open, r.smoke_level, r.battery_pct, r.rssi_dbm, r.worn, r.charging
FROM readings r
WHERE r.device_key = ANY (%(devices)s::bigint[]) AND r.at >= %(start)s AND r.at < %(until)s
ORDER BY 2;

-- name: find
-- A finding, once: nothing is returned for one that is there.
INSERT INTO findings (rule, subject, onset, state, hazard, found_at, recorded_at, reason, evidence, trial)
VALUES (%(rule)s, %(subject)s, to_timestamp(%(onset)s), %(state)s, %(hazard)s, to_timestamp(%(found_at)s), %(now)s,
        %(reason)s, %(evidence)s, %(trial)s)
ON CONFLICT (rule, subject, onset, state) DO NOTHING
RETURNING id;
