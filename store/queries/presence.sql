-- name: keep
-- These pages are open; whatever was said of others longer ago than that is forgotten.
WITH gone AS (
    DELETE FROM open_incidents
    WHERE page IN (SELECT page FROM open_incidents
                   WHERE seen_at < clock_timestamp() - make_interval(secs => 4 * %(lasts_s)s) FOR UPDATE SKIP LOCKED))
INSERT INTO open_incidents (page, incident_id, name, seen_at)
SELECT p.page, p.incident_id, p.name, clock_timestamp()
FROM unnest(%(pages)s::uuid[], %(incidents)s::bigint[], %(names)s::text[]) AS p (page, incident_id, name)
ORDER BY p.page
ON CONFLICT (page) DO UPDATE SET seen_at = excluded.seen_at;

-- name: close
-- These pages are open no more.
DELETE FROM open_incidents WHERE page = ANY (%(pages)s::uuid[]);

-- name: open
-- Who has which incident open now, at any console.
SELECT DISTINCT incident_id, name FROM open_incidents
WHERE seen_at > clock_timestamp() - make_interval(secs => %(lasts_s)s)
ORDER BY incident_id, name;
