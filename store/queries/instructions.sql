-- name: in_force
-- For each hazard the newest words of the nearest organisation, itself or above, that has words of its own.
SELECT DISTINCT ON (w.hazard) w.hazard, w.organisation, w.organisation_name, w.version, w.zh, w.en, w.changed_at,
       w.changed_by
FROM organisations o
JOIN LATERAL (
    SELECT DISTINCT ON (i.organisation_id, i.hazard) i.organisation_id, i.hazard, own.code AS organisation,
           own.name AS organisation_name, i.version, i.zh, i.en, i.changed_at, i.changed_by
    FROM instructions i
    JOIN organisations own ON own.id = i.organisation_id
    WHERE i.organisation_id = ANY (o.path)
    ORDER BY i.organisation_id, i.hazard, i.version DESC) AS w ON w.zh IS NOT NULL
WHERE o.id = %(organisation_id)s
ORDER BY w.hazard, array_position(o.path, w.organisation_id) DESC;

-- name: for_incident
-- The same for the hazard of an incident, in the organisation that it belongs to.
SELECT w.hazard, w.organisation, w.organisation_name, w.version, w.zh, w.en, w.changed_at, w.changed_by
FROM incidents c
JOIN organisations o ON o.id = c.organisation_id
JOIN LATERAL (
    SELECT DISTINCT ON (i.organisation_id) i.organisation_id, i.hazard, own.code AS organisation,
           own.name AS organisation_name, i.version, i.zh, i.en, i.changed_at, i.changed_by
    FROM instructions i
    JOIN organisations own ON own.id = i.organisation_id
    WHERE i.organisation_id = ANY (o.path) AND i.hazard = c.hazard
    ORDER BY i.organisation_id, i.version DESC) AS w ON w.zh IS NOT NULL
WHERE c.id = %(incident_id)s
ORDER BY array_position(o.path, w.organisation_id) DESC
LIMIT 1;

-- name: versions
-- Everything that an organisation itself has written, the newest first.
SELECT i.hazard, own.code AS organisation, own.name AS organisation_name, i.version, i.zh, i.en, i.changed_at,
       i.changed_by
FROM instructions i
JOIN organisations own ON own.id = i.organisation_id
WHERE i.organisation_id = %(organisation_id)s
ORDER BY i.id DESC;

-- name: write
-- A new version of an organisation's words for one hazard; without words it goes back to what it inherits.
INSERT INTO instructions (organisation_id, hazard, version, zh, en, changed_at, changed_by)
SELECT %(organisation_id)s::bigint, %(hazard)s::text, 1 + coalesce(max(version), 0), %(zh)s::text, %(en)s::text,
       %(now)s::timestamptz, %(by)s::text
FROM instructions
WHERE organisation_id = %(organisation_id)s::bigint AND hazard = %(hazard)s::text
RETURNING version;
