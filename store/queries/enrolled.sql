-- name: lock
-- Let no other transaction change the same record of the same noun until this one ends.
SELECT pg_advisory_xact_lock(hashtextextended(%(noun)s || ' ' || code, 0))
FROM unnest(%(codes)s::text[]) AS code ORDER BY code;

-- name: read_organisations
-- Organisations within a subtree, as they are written down.
SELECT o.code, o.id, o.version, o.retired_at, jsonb_build_object(
    'code', o.code, 'kind', o.kind, 'name', o.name, 'parent', p.code, 'cell', o.cell, 'timezone', o.timezone,
    'language', o.language, 'lat', o.lat, 'lon', o.lon, 'boundary', o.boundary)
FROM organisations o
LEFT JOIN organisations p ON p.id = o.parent_id
WHERE (%(within)s::bigint IS NULL OR o.path @> ARRAY[%(within)s::bigint])
  AND (%(codes)s::text[] IS NULL OR o.code = ANY(%(codes)s::text[]))
  AND (%(retired)s::boolean IS NULL OR (o.retired_at IS NOT NULL) = %(retired)s::boolean)
  AND (%(after)s::text IS NULL OR o.code > %(after)s::text)
  AND (%(parent)s::text IS NULL OR p.code = %(parent)s::text)
  AND (%(kind)s::text IS NULL OR o.kind = %(kind)s::text)
ORDER BY o.code
LIMIT %(limit)s::bigint;

-- name: read_households
-- Households within a subtree, as they are written down.
SELECT h.code, h.id, h.version, h.retired_at, jsonb_build_object(
    'code', h.code, 'organisation', o.code, 'mode', h.mode, 'community', h.community, 'address', h.address,
    'access_notes', h.access_notes, 'phone', h.phone, 'lat', h.lat, 'lon', h.lon)
FROM households h
JOIN organisations o ON o.id = h.organisation_id
WHERE (%(within)s::bigint IS NULL OR o.path @> ARRAY[%(within)s::bigint])
  AND (%(codes)s::text[] IS NULL OR h.code = ANY(%(codes)s::text[]))
  AND (%(retired)s::boolean IS NULL OR (h.retired_at IS NOT NULL) = %(retired)s::boolean)
  AND (%(after)s::text IS NULL OR h.code > %(after)s::text)
  AND (%(organisation)s::text IS NULL
       OR o.path @> (SELECT ARRAY[id] FROM organisations WHERE code = %(organisation)s::text))
  AND (%(mode)s::text IS NULL OR h.mode = %(mode)s::text)
ORDER BY h.code
LIMIT %(limit)s::bigint;

-- name: read_residents
-- Residents within a subtree, as they are written down.
SELECT r.code, r.id, r.version, r.retired_at, jsonb_build_object(
    'code', r.code, 'household', h.code, 'surname', r.surname, 'given_name', r.given_name, 'sex', r.sex,
    'born_on', r.born_on, 'categories', r.categories, 'language', r.language, 'phone', r.phone, 'state', r.state,
    'state_until', r.state_until)
FROM residents r
JOIN households h ON h.id = r.household_id
JOIN organisations o ON o.id = h.organisation_id
WHERE (%(within)s::bigint IS NULL OR o.path @> ARRAY[%(within)s::bigint])
  AND (%(codes)s::text[] IS NULL OR r.code = ANY(%(codes)s::text[]))
  AND (%(retired)s::boolean IS NULL OR (r.retired_at IS NOT NULL) = %(retired)s::boolean)
  AND (%(after)s::text IS NULL OR r.code > %(after)s::text)
  AND (%(organisation)s::text IS NULL
       OR o.path @> (SELECT ARRAY[id] FROM organisations WHERE code = %(organisation)s::text))
  AND (%(household)s::text IS NULL OR h.code = %(household)s::text)
  AND (%(state)s::text IS NULL OR r.state = %(state)s::text)
  AND (%(category)s::text IS NULL OR %(category)s::text = ANY(r.categories))
ORDER BY r.code
LIMIT %(limit)s::bigint;

-- name: read_consents
-- Consents of residents within a subtree that have not been withdrawn; ``codes`` are those of the residents.
SELECT c.id::text, c.id, NULL::integer, NULL::timestamptz, jsonb_build_object(
    'resident', r.code, 'purpose', c.purpose, 'recipient', c.recipient, 'given_by', c.given_by,
    'valid_from', c.valid_from, 'valid_until', c.valid_until)
FROM consents c
JOIN residents r ON r.id = c.resident_id
JOIN households h ON h.id = r.household_id
JOIN organisations o ON o.id = h.organisation_id
WHERE c.withdrawn_at IS NULL
  AND (%(within)s::bigint IS NULL OR o.path @> ARRAY[%(within)s::bigint])
  AND (%(codes)s::text[] IS NULL OR r.code = ANY(%(codes)s::text[]))
  AND (%(retired)s::boolean IS NULL OR (r.retired_at IS NOT NULL) = %(retired)s::boolean)
ORDER BY c.id;

-- name: read_responders
-- Responders within a subtree, as they are written down.
SELECT r.code, r.id, r.version, r.retired_at, jsonb_build_object(
    'code', r.code, 'organisation', o.code, 'name', r.name, 'language', r.language, 'mode', r.mode,
    'contacts', coalesce((
        SELECT jsonb_agg(jsonb_build_object('channel', c.channel, 'address', c.address, 'rank', c.rank)
                         ORDER BY c.rank, c.channel, c.address)
        FROM contacts c WHERE c.responder_id = r.id), '[]'))
FROM responders r
JOIN organisations o ON o.id = r.organisation_id
WHERE (%(within)s::bigint IS NULL OR o.path @> ARRAY[%(within)s::bigint])
  AND (%(codes)s::text[] IS NULL OR r.code = ANY(%(codes)s::text[]))
  AND (%(retired)s::boolean IS NULL OR (r.retired_at IS NOT NULL) = %(retired)s::boolean)
  AND (%(after)s::text IS NULL OR r.code > %(after)s::text)
  AND (%(organisation)s::text IS NULL
       OR o.path @> (SELECT ARRAY[id] FROM organisations WHERE code = %(organisation)s::text))
  AND (%(mode)s::text IS NULL OR r.mode = %(mode)s::text)
ORDER BY r.code
LIMIT %(limit)s::bigint;

-- name: read_circle_members
-- The members of circles of homes and organisations within a subtree; ``codes`` are those of either.
SELECT m.id::text, m.id, NULL::integer, NULL::timestamptz, jsonb_build_object(
    'household', h.code, 'organisation', own.code, 'circle', m.circle, 'responder', r.code, 'rank', m.rank,
    'relation', m.relation)
FROM circle_members m
JOIN responders r ON r.id = m.responder_id
LEFT JOIN households h ON h.id = m.household_id
LEFT JOIN organisations own ON own.id = m.organisation_id
JOIN organisations o ON o.id = coalesce(h.organisation_id, m.organisation_id)
WHERE (%(within)s::bigint IS NULL OR o.path @> ARRAY[%(within)s::bigint])
  AND (%(codes)s::text[] IS NULL
       OR m.household_id IN (SELECT id FROM households WHERE code = ANY(%(codes)s::text[]))
       OR m.organisation_id IN (SELECT id FROM organisations WHERE code = ANY(%(codes)s::text[])))
  AND (%(retired)s::boolean IS NULL
       OR (coalesce(h.retired_at, own.retired_at, r.retired_at) IS NOT NULL) = %(retired)s::boolean)
ORDER BY coalesce(h.code, own.code), m.circle, m.rank, m.id;

-- name: read_shifts
-- The weekly shifts of organisations within a subtree; ``codes`` are those of the organisations.
SELECT s.id::text, s.id, NULL::integer, NULL::timestamptz, jsonb_build_object(
    'organisation', o.code, 'circle', s.circle, 'responder', r.code, 'weekday', s.weekday, 'starts', s.starts,
    'ends', s.ends)
FROM shifts s
JOIN organisations o ON o.id = s.organisation_id
JOIN responders r ON r.id = s.responder_id
WHERE (%(within)s::bigint IS NULL OR o.path @> ARRAY[%(within)s::bigint])
  AND (%(codes)s::text[] IS NULL OR o.code = ANY(%(codes)s::text[]))
  AND (%(retired)s::boolean IS NULL OR (coalesce(o.retired_at, r.retired_at) IS NOT NULL) = %(retired)s::boolean)
ORDER BY o.code, s.circle, s.weekday, s.starts, r.code;

-- name: read_roster_overrides
-- The exceptions to the shifts of organisations within a subtree; ``codes`` are those of the organisations.
SELECT x.id::text, x.id, NULL::integer, NULL::timestamptz, jsonb_build_object(
    'organisation', o.code, 'circle', x.circle, 'responder', r.code, 'starts_at', x.starts_at, 'ends_at', x.ends_at,
    'on_duty', x.on_duty)
FROM roster_overrides x
JOIN organisations o ON o.id = x.organisation_id
JOIN responders r ON r.id = x.responder_id
WHERE (%(within)s::bigint IS NULL OR o.path @> ARRAY[%(within)s::bigint])
  AND (%(codes)s::text[] IS NULL OR o.code = ANY(%(codes)s::text[]))
  AND (%(retired)s::boolean IS NULL OR (coalesce(o.retired_at, r.retired_at) IS NOT NULL) = %(retired)s::boolean)
ORDER BY o.code, x.circle, x.starts_at, r.code;

-- name: read_device_models
-- Device models; they belong to no organisation.
SELECT m.model, 0::bigint, NULL::integer, NULL::timestamptz, jsonb_build_object(
    'model', m.model, 'kind', m.kind, 'protocol', m.protocol,
    'silent_after_s', extract(epoch FROM m.silent_after)::double precision)
FROM device_models m
WHERE (%(codes)s::text[] IS NULL OR m.model = ANY(%(codes)s::text[]))
  AND (%(retired)s::boolean IS NULL OR NOT %(retired)s::boolean)
  AND (%(after)s::text IS NULL OR m.model > %(after)s::text)
  AND (%(kind)s::text IS NULL OR m.kind = %(kind)s::text)
ORDER BY m.model
LIMIT %(limit)s::bigint;

-- name: read_devices
-- Devices within a subtree, as they are written down.
SELECT d.device_id, d.id, d.version, d.retired_at, jsonb_build_object(
    'device_id', d.device_id, 'cell', d.cell, 'model', d.model, 'address', d.address, 'household', h.code,
    'resident', r.code, 'mode', CASE WHEN h.id IS NULL THEN d.mode END, 'room', d.room)
FROM devices d
JOIN organisations o ON o.id = d.organisation_id
LEFT JOIN households h ON h.id = d.household_id
LEFT JOIN residents r ON r.id = d.resident_id
WHERE (%(within)s::bigint IS NULL OR o.path @> ARRAY[%(within)s::bigint])
  AND (%(codes)s::text[] IS NULL OR d.device_id = ANY(%(codes)s::text[]))
  AND (%(retired)s::boolean IS NULL OR (d.retired_at IS NOT NULL) = %(retired)s::boolean)
  AND (%(after)s::text IS NULL OR d.device_id > %(after)s::text)
  AND (%(cell)s::text IS NULL OR d.cell = %(cell)s::text)
  AND (%(model)s::text IS NULL OR d.model = %(model)s::text)
  AND (%(household)s::text IS NULL OR h.code = %(household)s::text)
  AND (%(resident)s::text IS NULL OR r.code = %(resident)s::text)
  AND (%(bound)s::boolean IS NULL OR (d.household_id IS NOT NULL) = %(bound)s::boolean)
ORDER BY d.device_id
LIMIT %(limit)s::bigint;

-- name: retire_organisations
-- Retire organisations; what is retired already stays as it is.
UPDATE organisations SET retired_at = %(now)s, version = version + 1
WHERE code = ANY(%(codes)s::text[]) AND retired_at IS NULL;

-- name: retire_households
-- Retire households.
UPDATE households SET retired_at = %(now)s, version = version + 1
WHERE code = ANY(%(codes)s::text[]) AND retired_at IS NULL;

-- name: retire_residents
-- Retire residents.
UPDATE residents SET retired_at = %(now)s, version = version + 1
WHERE code = ANY(%(codes)s::text[]) AND retired_at IS NULL;

-- name: retire_responders
-- Retire responders: nobody calls them any more, whichever circles and shifts name them.
UPDATE responders SET retired_at = %(now)s, version = version + 1
WHERE code = ANY(%(codes)s::text[]) AND retired_at IS NULL;

-- name: retire_devices
-- Retire devices; the broker refuses them once its users are written anew.
UPDATE devices
SET retired_at = %(now)s, version = version + 1, credential_hash = NULL, credential_pbkdf2 = NULL
WHERE device_id = ANY(%(codes)s::text[]) AND retired_at IS NULL;

-- name: dependents_organisations
-- What still lives on organisations and so forbids to retire them; a few of each.
(SELECT o.code, 'organisation ' || below.code
 FROM organisations o JOIN organisations below ON below.parent_id = o.id AND below.retired_at IS NULL
 WHERE o.code = ANY(%(codes)s::text[]) ORDER BY below.code LIMIT 3)
UNION ALL
(SELECT o.code, 'household ' || h.code
 FROM organisations o JOIN households h ON h.organisation_id = o.id AND h.retired_at IS NULL
 WHERE o.code = ANY(%(codes)s::text[]) ORDER BY h.code LIMIT 3)
UNION ALL
(SELECT o.code, 'responder ' || r.code
 FROM organisations o JOIN responders r ON r.organisation_id = o.id AND r.retired_at IS NULL
 WHERE o.code = ANY(%(codes)s::text[]) ORDER BY r.code LIMIT 3)
UNION ALL
(SELECT o.code, 'device ' || d.device_id
 FROM organisations o JOIN devices d ON d.organisation_id = o.id AND d.retired_at IS NULL
 WHERE o.code = ANY(%(codes)s::text[]) ORDER BY d.device_id LIMIT 3);

-- name: dependents_households
-- What still lives in households and so forbids to retire them; a few of each.
(SELECT h.code, 'resident ' || r.code
 FROM households h JOIN residents r ON r.household_id = h.id AND r.retired_at IS NULL
 WHERE h.code = ANY(%(codes)s::text[]) ORDER BY r.code LIMIT 3)
UNION ALL
(SELECT h.code, 'device ' || d.device_id
 FROM households h JOIN devices d ON d.household_id = h.id AND d.retired_at IS NULL
 WHERE h.code = ANY(%(codes)s::text[]) ORDER BY d.device_id LIMIT 3);

-- name: dependents_residents
-- The devices that still belong to residents and so forbid to retire them; a few.
SELECT r.code, 'device ' || d.device_id
FROM residents r JOIN devices d ON d.resident_id = r.id AND d.retired_at IS NULL
WHERE r.code = ANY(%(codes)s::text[]) ORDER BY d.device_id LIMIT 3;

-- name: strike_circle_members
-- Strike off members of circles by row.
DELETE FROM circle_members WHERE id = ANY(%(ids)s::bigint[]);

-- name: strike_shifts
-- Strike off shifts by row.
DELETE FROM shifts WHERE id = ANY(%(ids)s::bigint[]);

-- name: strike_roster_overrides
-- Strike off exceptions to shifts by row.
DELETE FROM roster_overrides WHERE id = ANY(%(ids)s::bigint[]);

-- name: strike_consents
-- Withdraw declarations of consent by row; they stay on the record.
UPDATE consents SET withdrawn_at = %(now)s WHERE id = ANY(%(ids)s::bigint[]) AND withdrawn_at IS NULL;

-- name: set_resident_state
-- Say where a resident is, and until when.
UPDATE residents SET state = %(state)s, state_until = %(until)s, version = version + 1
WHERE code = %(code)s AND retired_at IS NULL;

-- name: cells
-- The cells of organisations in use within a subtree.
SELECT o.cell FROM organisations o
WHERE o.cell = ANY(%(cells)s::text[]) AND o.retired_at IS NULL
  AND (%(within)s::bigint IS NULL OR o.path @> ARRAY[%(within)s::bigint]);

-- name: homes_of_residents
-- In which household residents live.
SELECT r.code, h.code FROM residents r JOIN households h ON h.id = r.household_id
WHERE r.code = ANY(%(codes)s::text[]);

-- name: kinds
-- The kinds of organisations.
SELECT o.code, o.kind FROM organisations o WHERE o.code = ANY(%(codes)s::text[]);

-- name: hold_still
-- From now on this transaction sees one moment, and changes nothing.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;

-- name: in_use_organisations
-- Those of the codes that name an organisation in use within a subtree.
SELECT o.code FROM organisations o
WHERE o.code = ANY(%(codes)s::text[]) AND o.retired_at IS NULL
  AND (%(within)s::bigint IS NULL OR o.path @> ARRAY[%(within)s::bigint]);

-- name: in_use_households
-- Those of the codes that name a household in use within a subtree.
SELECT h.code FROM households h JOIN organisations o ON o.id = h.organisation_id
WHERE h.code = ANY(%(codes)s::text[]) AND h.retired_at IS NULL
  AND (%(within)s::bigint IS NULL OR o.path @> ARRAY[%(within)s::bigint]);

-- name: in_use_residents
-- Those of the codes that name a resident in use within a subtree.
SELECT r.code FROM residents r
JOIN households h ON h.id = r.household_id
JOIN organisations o ON o.id = h.organisation_id
WHERE r.code = ANY(%(codes)s::text[]) AND r.retired_at IS NULL
  AND (%(within)s::bigint IS NULL OR o.path @> ARRAY[%(within)s::bigint]);

-- name: in_use_responders
-- Those of the codes that name a responder in use within a subtree.
SELECT r.code FROM responders r JOIN organisations o ON o.id = r.organisation_id
WHERE r.code = ANY(%(codes)s::text[]) AND r.retired_at IS NULL
  AND (%(within)s::bigint IS NULL OR o.path @> ARRAY[%(within)s::bigint]);

-- name: in_use_device_models
-- Those of the codes that name a device model.
SELECT m.model FROM device_models m WHERE m.model = ANY(%(codes)s::text[]);
