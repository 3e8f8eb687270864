-- Where organisations end, and indexes by which a map finds what lies in its view.

-- The box around a GeoJSON polygon or multi-polygon: x is longitude, y latitude.
CREATE FUNCTION boundary_box(boundary jsonb) RETURNS box LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT box(point(min((p ->> 0)::double precision), min((p ->> 1)::double precision)),
               point(max((p ->> 0)::double precision), max((p ->> 1)::double precision)))
    FROM jsonb_path_query(boundary, CASE boundary ->> 'type' WHEN 'Polygon' THEN '$.coordinates[*][*]'::jsonpath
                                                             ELSE '$.coordinates[*][*][*]'::jsonpath END) AS p
$$;

-- GeoJSON (RFC 7946) in WGS-84, as domain/boundary.py leaves it.
ALTER TABLE organisations ADD COLUMN boundary jsonb
    CHECK (boundary ->> 'type' IN ('Polygon', 'MultiPolygon') AND jsonb_typeof(boundary -> 'coordinates') = 'array');
CREATE INDEX organisations_boundary ON organisations USING gist (boundary_box(boundary))
    WHERE retired_at IS NULL AND boundary IS NOT NULL;
CREATE INDEX households_place ON households USING gist (point(lon, lat))
    WHERE retired_at IS NULL AND lat IS NOT NULL;
