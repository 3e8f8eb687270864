-- name: organisations
-- Organisations that have homes: their ancestors from the top down, and the plan that rules an alarm of this hazard there.
SELECT o.id, o.path, p.plan
FROM organisations o
LEFT JOIN LATERAL (
    SELECT q.plan
    FROM plans q
    WHERE q.hazard = %(hazard)s AND (q.organisation_id IS NULL OR q.organisation_id = ANY (o.path))
    ORDER BY array_position(o.path, q.organisation_id) DESC NULLS LAST, q.version DESC
    LIMIT 1) p ON true
WHERE EXISTS (SELECT FROM households h WHERE h.organisation_id = o.id AND h.retired_at IS NULL)
  AND (%(organisation_id)s::bigint IS NULL OR o.id = %(organisation_id)s);

-- name: members
-- The members of the circles of organisations, with the channels they may be reached by and those they have confirmed.
SELECT m.organisation_id, m.circle, r.mode, r.id,
       coalesce(array_agg(DISTINCT c.channel) FILTER (WHERE c.stopped_at IS NULL), '{}'),
       coalesce(array_agg(DISTINCT c.channel) FILTER (WHERE c.stopped_at IS NULL AND c.confirmed_at IS NOT NULL), '{}')
FROM circle_members m
JOIN responders r ON r.id = m.responder_id AND r.retired_at IS NULL
LEFT JOIN contacts c ON c.responder_id = r.id
WHERE m.organisation_id IS NOT NULL
GROUP BY m.organisation_id, m.circle, r.mode, r.id;

-- name: home
-- A home that an organisation's people may see: whose it is, its mode, and the members of its own circles.
SELECT h.organisation_id, h.mode, m.circle, r.id,
       coalesce(array_agg(DISTINCT c.channel) FILTER (WHERE c.stopped_at IS NULL), '{}'),
       coalesce(array_agg(DISTINCT c.channel) FILTER (WHERE c.stopped_at IS NULL AND c.confirmed_at IS NOT NULL), '{}')
FROM households h
JOIN organisations o ON o.id = h.organisation_id AND o.path @> ARRAY[%(within)s::bigint]
LEFT JOIN circle_members m ON m.household_id = h.id
LEFT JOIN responders r ON r.id = m.responder_id AND r.retired_at IS NULL AND r.mode = h.mode
LEFT JOIN contacts c ON c.responder_id = r.id
WHERE h.id = %(household_id)s AND h.retired_at IS NULL
GROUP BY h.organisation_id, h.mode, m.circle, r.id;

-- name: write
-- Judge every home by what its organisation backs it with, and keep the gaps: those that last stay as they are.
WITH backing AS (
    SELECT * FROM jsonb_to_recordset(%(backings)s) AS b(
        organisation_id bigint, mode text, helped boolean, manned boolean, confirmed boolean, ways jsonb)
), own AS (
    SELECT h.id, bool_or(c.confirmed_at IS NOT NULL) AS confirmed
    FROM households h
    JOIN backing b ON b.organisation_id = h.organisation_id AND b.mode = h.mode
    JOIN circle_members m ON m.household_id = h.id
    JOIN responders r ON r.id = m.responder_id AND r.retired_at IS NULL AND r.mode = h.mode
    JOIN contacts c ON c.responder_id = r.id AND c.stopped_at IS NULL AND b.ways ? (m.circle || ' ' || c.channel)
    WHERE h.retired_at IS NULL
    GROUP BY h.id
), found AS (
    SELECT CASE WHEN own.id IS NULL AND NOT b.helped AND NOT b.manned THEN 'nobody'
                WHEN own.id IS NULL AND NOT b.helped THEN 'only_the_desk'
                WHEN NOT coalesce(own.confirmed, false) AND NOT b.confirmed THEN 'unconfirmed' END AS kind,
           h.organisation_id, h.id AS household_id, NULL::bigint AS responder_id
    FROM households h
    JOIN backing b ON b.organisation_id = h.organisation_id AND b.mode = h.mode
    LEFT JOIN own ON own.id = h.id
    WHERE h.retired_at IS NULL
    UNION ALL
    SELECT 'desk_unmanned', b.organisation_id, NULL, NULL FROM backing b WHERE NOT b.manned AND b.mode = 'live'
    UNION ALL
    SELECT 'unreachable', r.organisation_id, NULL, r.id
    FROM responders r
    WHERE r.retired_at IS NULL AND EXISTS (SELECT FROM circle_members m WHERE m.responder_id = r.id)
      AND NOT EXISTS (SELECT FROM contacts c WHERE c.responder_id = r.id AND c.stopped_at IS NULL)
), gap AS (
    SELECT * FROM found WHERE kind IS NOT NULL
), closed AS (
    DELETE FROM coverage_gaps g
    WHERE NOT EXISTS (
        SELECT FROM gap f
        WHERE f.kind = g.kind AND f.organisation_id = g.organisation_id
          AND f.household_id IS NOT DISTINCT FROM g.household_id
          AND f.responder_id IS NOT DISTINCT FROM g.responder_id)
), opened AS (
    INSERT INTO coverage_gaps (kind, organisation_id, household_id, responder_id, since)
    SELECT kind, organisation_id, household_id, responder_id, %(now)s FROM gap
    ON CONFLICT (kind, organisation_id, household_id, responder_id) DO NOTHING
)
SELECT kind, count(*) FROM gap GROUP BY kind;

-- name: gaps
-- The gaps of an organisation and all below it.
SELECT g.id, g.kind, o.code AS organisation, h.code AS household, r.code AS responder, g.since
FROM coverage_gaps g
JOIN organisations o ON o.id = g.organisation_id AND o.path @> ARRAY[%(within)s::bigint]
LEFT JOIN households h ON h.id = g.household_id
LEFT JOIN responders r ON r.id = g.responder_id
WHERE g.id > %(after)s AND (%(kind)s::text IS NULL OR g.kind = %(kind)s)
ORDER BY g.id
LIMIT %(limit)s;

-- name: summary
-- How many gaps there are in an organisation and all below it, by kind.
SELECT g.kind, count(*)
FROM coverage_gaps g
JOIN organisations o ON o.id = g.organisation_id AND o.path @> ARRAY[%(within)s::bigint]
GROUP BY g.kind;
