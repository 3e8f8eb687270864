-- name: horizon
-- The oldest transaction that was running just now: what it and later ones change, later looks must ask for.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text;

-- name: known
-- Devices as messages are judged: all, or those changed since a horizon. What a restored dump brought along from another
-- cluster lies beyond the last transaction of this one, and is not taken for a change. A device in a household that is
-- retired lives nowhere; one in a household for drills is for drills.
SELECT d.id, d.device_id, d.cell, d.address, m.kind, m.protocol, extract(epoch FROM m.silent_after)::double precision,
       d.retired_at IS NOT NULL, coalesce(h.mode, d.mode), coalesce(h.organisation_id, d.organisation_id), h.id, r.id
FROM devices d
JOIN device_models m ON m.model = d.model
LEFT JOIN households h ON h.id = d.household_id AND h.retired_at IS NULL
LEFT JOIN residents r ON r.id = d.resident_id AND r.retired_at IS NULL AND h.id IS NOT NULL
WHERE %(since)s::text IS NULL
   OR d.changed >= %(since)s::text::xid8 AND d.changed < pg_snapshot_xmax(pg_current_snapshot());

-- name: organisations
-- Organisations that have a cell, and those at the top, which answer for every cell that nobody has.
SELECT id, cell, parent_id IS NULL FROM organisations
WHERE retired_at IS NULL AND (cell IS NOT NULL OR parent_id IS NULL)
ORDER BY id;

-- name: hazards
-- The committed states of hazards of devices whose protocol repeats its state.
SELECT h.device_key, h.hazard, h.state FROM device_hazards h;
