-- name: record
-- One entry for each thing that was seen or done.
INSERT INTO audit (at, actor, action, noun, noun_id, detail)
SELECT %(at)s, %(actor)s, %(action)s, %(noun)s, id, %(detail)s FROM unnest(%(ids)s::text[]) AS id;

-- name: read
-- The newest entries first, of actors who belong to the subtree.
SELECT a.id, a.at, a.actor, a.action, a.noun, a.noun_id, a.detail
FROM audit a
WHERE (%(before)s::bigint IS NULL OR a.id < %(before)s::bigint)
  AND (%(noun)s::text IS NULL OR a.noun = %(noun)s::text)
  AND (%(noun_id)s::text IS NULL OR a.noun_id = %(noun_id)s::text)
  AND (%(actor)s::text IS NULL OR a.actor = %(actor)s::text)
  AND EXISTS (
    SELECT FROM organisations o
    WHERE o.path @> ARRAY[%(within)s::bigint] AND o.id IN (
        SELECT k.organisation_id FROM api_keys k WHERE a.actor = 'key:' || k.id
        UNION ALL
        SELECT u.organisation_id FROM users u WHERE a.actor = 'user:' || u.name))
ORDER BY a.id DESC
LIMIT %(limit)s::bigint;
