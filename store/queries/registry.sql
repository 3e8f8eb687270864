-- name: save_organisations
-- Create or change organisations by code; parents must be there or come earlier in the same call's order of levels.
INSERT INTO organisations (code, kind, name, parent_id, cell, timezone, language, lat, lon, boundary)
SELECT r.code, r.kind, r.name, p.id, r.cell, coalesce(r.timezone, 'Asia/Shanghai'), coalesce(r.language, 'zh-CN'),
       r.lat, r.lon, r.boundary
FROM jsonb_to_recordset(%(rows)s) AS r(
    code text, kind text, name text, parent text, cell text, timezone text, language text,
    lat double precision, lon double precision, boundary jsonb)
LEFT JOIN organisations p ON p.code = r.parent
WHERE r.parent IS NULL OR p.id IS NOT NULL
ON CONFLICT (code) DO UPDATE
SET kind = excluded.kind, name = excluded.name, parent_id = excluded.parent_id, cell = excluded.cell,
    timezone = excluded.timezone, language = excluded.language, lat = excluded.lat, lon = excluded.lon,
    boundary = excluded.boundary, retired_at = NULL, version = organisations.version + 1
RETURNING code, id, version;

-- name: save_households
-- Create or change households by code.
INSERT INTO households (code, organisation_id, mode, community, address, access_notes, phone, lat, lon)
SELECT r.code, o.id, coalesce(r.mode, 'live'), r.community, r.address, coalesce(r.access_notes, ''), r.phone, r.lat, r.lon
FROM jsonb_to_recordset(%(rows)s) AS r(
    code text, organisation text, mode text, community text, address text, access_notes text, phone text,
    lat double precision, lon double precision)
JOIN organisations o ON o.code = r.organisation
ON CONFLICT (code) DO UPDATE
SET organisation_id = excluded.organisation_id, mode = excluded.mode, community = excluded.community,
    address = excluded.address, access_notes = excluded.access_notes, phone = excluded.phone,
    lat = excluded.lat, lon = excluded.lon, retired_at = NULL, version = households.version + 1
RETURNING code, id, version;

-- name: save_residents
-- Create or change residents by code.
INSERT INTO residents (code, household_id, surname, given_name, sex, born_on, categories, language, phone, state,
                       state_until)
SELECT r.code, h.id, r.surname, coalesce(r.given_name, ''), r.sex, r.born_on, coalesce(r.categories, '{}'),
       coalesce(r.language, 'zh-CN'), r.phone, coalesce(r.state, 'home'), r.state_until
FROM jsonb_to_recordset(%(rows)s) AS r(
    code text, household text, surname text, given_name text, sex text, born_on date, categories text[], language text,
    phone text, state text, state_until timestamptz)
JOIN households h ON h.code = r.household
ON CONFLICT (code) DO UPDATE
SET household_id = excluded.household_id, surname = excluded.surname, given_name = excluded.given_name,
    sex = excluded.sex, born_on = excluded.born_on, categories = excluded.categories, language = excluded.language,
    phone = excluded.phone, state = excluded.state, state_until = excluded.state_until,
    retired_at = NULL, version = residents.version + 1
RETURNING code, id, version;

-- name: save_responders
-- Create or change responders by code.
INSERT INTO responders (code, organisation_id, name, language, mode)
SELECT r.code, o.id, r.name, coalesce(r.language, 'zh-CN'), coalesce(r.mode, 'live')
FROM jsonb_to_recordset(%(rows)s) AS r(code text, organisation text, name text, language text, mode text)
JOIN organisations o ON o.code = r.organisation
ON CONFLICT (code) DO UPDATE
SET organisation_id = excluded.organisation_id, name = excluded.name, language = excluded.language,
    mode = excluded.mode, retired_at = NULL, version = responders.version + 1
RETURNING code, id, version;

-- name: save_contacts
-- Create or re-rank the contacts of responders; what a person confirmed or stopped stays so.
INSERT INTO contacts (responder_id, channel, address, rank)
SELECT p.id, r.channel, r.address, coalesce(r.rank, 0)
FROM jsonb_to_recordset(%(rows)s) AS r(responder text, channel text, address text, rank smallint)
JOIN responders p ON p.code = r.responder
ON CONFLICT (responder_id, channel, address) DO UPDATE SET rank = excluded.rank
RETURNING address, id, 1;

-- name: strike_contacts
-- Strike off the contacts of these responders that are not among the rows.
DELETE FROM contacts c USING responders p
WHERE p.id = c.responder_id AND p.code = ANY(%(responders)s::text[])
  AND NOT EXISTS (
    SELECT FROM jsonb_to_recordset(%(rows)s) AS r(responder text, channel text, address text)
    WHERE r.responder = p.code AND r.channel = c.channel AND r.address = c.address);

-- name: save_circle_members
-- Create or change who belongs to the circles of a household or an organisation.
INSERT INTO circle_members (household_id, organisation_id, circle, responder_id, rank, relation)
SELECT h.id, o.id, r.circle, p.id, coalesce(r.rank, 0), coalesce(r.relation, '')
FROM jsonb_to_recordset(%(rows)s) AS r(
    household text, organisation text, circle text, responder text, rank smallint, relation text)
JOIN responders p ON p.code = r.responder
LEFT JOIN households h ON h.code = r.household
LEFT JOIN organisations o ON o.code = r.organisation
WHERE (r.household IS NULL OR h.id IS NOT NULL) AND (r.organisation IS NULL OR o.id IS NOT NULL)
ON CONFLICT (household_id, organisation_id, circle, responder_id) DO UPDATE
SET rank = excluded.rank, relation = excluded.relation
RETURNING id::text, id, 1;

-- name: save_shifts
-- Create or change weekly shifts.
INSERT INTO shifts (organisation_id, circle, responder_id, weekday, starts, ends)
SELECT o.id, r.circle, p.id, r.weekday, r.starts, r.ends
FROM jsonb_to_recordset(%(rows)s) AS r(
    organisation text, circle text, responder text, weekday smallint, starts time, ends time)
JOIN organisations o ON o.code = r.organisation
JOIN responders p ON p.code = r.responder
ON CONFLICT (organisation_id, circle, responder_id, weekday, starts) DO UPDATE SET ends = excluded.ends
RETURNING id::text, id, 1;

-- name: save_roster_overrides
-- Create or change exceptions to the weekly shifts.
INSERT INTO roster_overrides (organisation_id, circle, responder_id, starts_at, ends_at, on_duty)
SELECT o.id, r.circle, p.id, r.starts_at, r.ends_at, r.on_duty
FROM jsonb_to_recordset(%(rows)s) AS r(
    organisation text, circle text, responder text, starts_at timestamptz, ends_at timestamptz, on_duty boolean)
JOIN organisations o ON o.code = r.organisation
JOIN responders p ON p.code = r.responder
ON CONFLICT (organisation_id, circle, responder_id, starts_at) DO UPDATE
SET ends_at = excluded.ends_at, on_duty = excluded.on_duty
RETURNING id::text, id, 1;

-- name: save_device_models
-- Create or change device models.
INSERT INTO device_models (model, kind, protocol, silent_after)
SELECT r.model, r.kind, r.protocol, make_interval(secs => r.silent_after_s)
FROM jsonb_to_recordset(%(rows)s) AS r(model text, kind text, protocol text, silent_after_s double precision)
ON CONFLICT (model) DO UPDATE
SET kind = excluded.kind, protocol = excluded.protocol, silent_after = excluded.silent_after
RETURNING model, 0::bigint, 1;

-- name: save_devices
-- Create or change devices by their id; a credential stays as it is.
INSERT INTO devices (device_id, cell, organisation_id, model, address, household_id, resident_id, mode, room,
                     registered_at, bound_at)
SELECT r.device_id, r.cell, o.id, r.model, r.address, h.id, p.id, coalesce(h.mode, r.mode, 'live'),
       coalesce(r.room, ''), %(now)s, %(now)s
FROM jsonb_to_recordset(%(rows)s) AS r(
    device_id text, cell text, model text, address text, household text, resident text, mode text, room text)
JOIN organisations o ON o.cell = r.cell
LEFT JOIN households h ON h.code = r.household
LEFT JOIN residents p ON p.code = r.resident
WHERE (r.household IS NULL OR h.id IS NOT NULL) AND (r.resident IS NULL OR p.household_id = h.id)
ON CONFLICT (device_id) DO UPDATE
SET cell = excluded.cell, organisation_id = excluded.organisation_id, model = excluded.model,
    address = excluded.address, household_id = excluded.household_id, resident_id = excluded.resident_id,
    mode = excluded.mode, room = excluded.room, retired_at = NULL, version = devices.version + 1,
    bound_at = CASE
        WHEN (devices.household_id, devices.resident_id) IS DISTINCT FROM (excluded.household_id, excluded.resident_id)
        THEN excluded.bound_at ELSE devices.bound_at END
RETURNING device_id, id, version;

-- name: save_consents
-- Record declarations of consent.
INSERT INTO consents (resident_id, purpose, recipient, given_by, valid_from, valid_until)
SELECT p.id, r.purpose, r.recipient, r.given_by, coalesce(r.valid_from, %(now)s), r.valid_until
FROM jsonb_to_recordset(%(rows)s) AS r(
    resident text, purpose text, recipient text, given_by text, valid_from timestamptz, valid_until timestamptz)
JOIN residents p ON p.code = r.resident
RETURNING id::text, id, 1;
