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
