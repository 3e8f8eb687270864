-- name: add_defaults
-- The plans everyone starts with, where there is none yet.
INSERT INTO plans (organisation_id, hazard, version, plan, created_at)
SELECT NULL, r.plan ->> 'hazard', 1, r.plan, %(now)s
FROM jsonb_array_elements(%(plans)s) AS r(plan)
ON CONFLICT (organisation_id, hazard, version) DO NOTHING;

-- name: add
-- A new version of an organisation's plan for one hazard.
INSERT INTO plans (organisation_id, hazard, version, plan, created_at)
SELECT %(organisation_id)s, %(hazard)s, 1 + coalesce(max(version), 0), %(plan)s, %(now)s
FROM plans
WHERE organisation_id IS NOT DISTINCT FROM %(organisation_id)s AND hazard = %(hazard)s
RETURNING id, version;

-- name: in_force
-- The plan of each hazard by which an organisation's incidents run: the newest of the nearest organisation that has
-- one, else everyone's.
SELECT DISTINCT ON (q.hazard) q.hazard, own.code, q.version, q.created_at, q.plan
FROM organisations o
JOIN plans q ON q.organisation_id IS NULL OR q.organisation_id = ANY (o.path)
LEFT JOIN organisations own ON own.id = q.organisation_id
WHERE o.id = %(organisation_id)s
ORDER BY q.hazard, array_position(o.path, q.organisation_id) DESC NULLS LAST, q.version DESC;
