-- name: add_defaults
-- The rules everyone starts with, as version 1, where there is none of that name yet.
INSERT INTO rules (name, scope, scope_id, version, rule, created_at, created_by)
SELECT r.rule ->> 'name', 'everyone', 0, 1, r.rule, %(now)s, 'carewatch'
FROM jsonb_array_elements(%(rules)s) AS r(rule)
ON CONFLICT (name, scope, scope_id, version) DO NOTHING;

-- name: add
-- A new version of a rule, or of what differs from it in a narrower scope.
INSERT INTO rules (name, scope, scope_id, version, rule, created_at, created_by)
SELECT %(name)s::text, %(scope)s::text, %(scope_id)s::bigint, 1 + coalesce(max(version), 0), %(rule)s::jsonb,
       %(now)s::timestamptz, %(by)s::text
FROM rules
WHERE name = %(name)s::text AND scope = %(scope)s::text AND scope_id = %(scope_id)s::bigint
RETURNING version;

-- name: current
-- What counts now of every rule, in every scope.
SELECT DISTINCT ON (name, scope, scope_id) name, scope, scope_id, version, rule
FROM rules
ORDER BY name, scope, scope_id, version DESC;

-- name: mark
-- Rises with every new version.
SELECT coalesce(max(id), 0) FROM rules;

-- name: organisations
-- Where every organisation stands in the tree (itself last), and its local time.
SELECT id, path, timezone FROM organisations;

-- name: places
-- Where homes are, and how many live in them: those that state a place.
SELECT h.id, h.lat, h.lon, (SELECT count(*) FROM residents r WHERE r.household_id = h.id AND r.retired_at IS NULL)
FROM households h
WHERE h.retired_at IS NULL AND (%(households)s::bigint[] IS NULL OR h.id = ANY (%(households)s::bigint[]));
