-- name: extent
-- The box around all that an actor's organisation and those below it have on a map; nulls if that is nothing.
SELECT least(b.low[1], p.south), least(b.low[0], p.west), greatest(b.high[1], p.north), greatest(b.high[0], p.east)
FROM (SELECT (boundary_box(boundary))[1] AS low, (boundary_box(boundary))[0] AS high
      FROM organisations WHERE id = %(within)s::bigint) AS b
CROSS JOIN (
    SELECT min(h.lat) AS south, min(h.lon) AS west, max(h.lat) AS north, max(h.lon) AS east
    FROM households h
    JOIN organisations o ON o.id = h.organisation_id AND o.path @> ARRAY[%(within)s::bigint]
    WHERE h.retired_at IS NULL AND h.lat IS NOT NULL) AS p;

-- name: boundaries
-- Boundaries of a subtree that touch a view, those of the largest organisations first; and how many there are.
SELECT o.name, cardinality(o.path), o.boundary, count(*) OVER ()
FROM organisations o
WHERE o.retired_at IS NULL AND o.boundary IS NOT NULL AND o.path @> ARRAY[%(within)s::bigint]
  AND boundary_box(o.boundary) && box(point(%(west)s, %(south)s), point(%(east)s, %(north)s))
ORDER BY cardinality(o.path), o.code
LIMIT %(most)s;

-- name: cells
-- Homes of a subtree in a view, gathered in a grid: how many in each cell, and their middle.
SELECT count(*), avg(h.lat), avg(h.lon)
FROM households h
JOIN organisations o ON o.id = h.organisation_id AND o.path @> ARRAY[%(within)s::bigint]
WHERE h.retired_at IS NULL AND h.lat IS NOT NULL
  AND point(h.lon, h.lat) <@ box(point(%(west)s, %(south)s), point(%(east)s, %(north)s))
GROUP BY floor(h.lat / %(step_lat)s), floor(h.lon / %(step_lon)s);

-- name: homes
-- Homes of a subtree in a view, one by one.
SELECT h.id, h.lat, h.lon
FROM households h
JOIN organisations o ON o.id = h.organisation_id AND o.path @> ARRAY[%(within)s::bigint]
WHERE h.retired_at IS NULL AND h.lat IS NOT NULL
  AND point(h.lon, h.lat) <@ box(point(%(west)s, %(south)s), point(%(east)s, %(north)s))
LIMIT %(most)s;

-- name: homes_nowhere
-- How many homes of a subtree do not say where they are.
SELECT count(*)
FROM households h
JOIN organisations o ON o.id = h.organisation_id AND o.path @> ARRAY[%(within)s::bigint]
WHERE h.retired_at IS NULL AND h.lat IS NULL;

-- name: home
-- One home of a subtree, and who lives there.
SELECT h.code, h.community, h.address, o.name,
       ARRAY(SELECT ARRAY[r.code, r.surname, coalesce(r.sex, '')] FROM residents r
             WHERE r.household_id = h.id AND r.retired_at IS NULL ORDER BY r.id)
FROM households h
JOIN organisations o ON o.id = h.organisation_id AND o.path @> ARRAY[%(within)s::bigint]
WHERE h.id = %(household_id)s AND h.retired_at IS NULL;

-- name: of_incidents
-- Where unresolved incidents of a subtree are: at their home; those that concern no home, where their organisation is.
SELECT i.id, coalesce(h.lat, own.lat), coalesce(h.lon, own.lon)
FROM incidents i
JOIN organisations o ON o.id = i.organisation_id AND o.path @> ARRAY[%(within)s::bigint]
LEFT JOIN households h ON h.id = i.household_id
LEFT JOIN LATERAL (
    SELECT coalesce(o.lat, (center(boundary_box(o.boundary)))[1]) AS lat,
           coalesce(o.lon, (center(boundary_box(o.boundary)))[0]) AS lon
    WHERE i.household_id IS NULL) AS own ON true
WHERE i.state <> 'resolved';
