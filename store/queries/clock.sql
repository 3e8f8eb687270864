-- name: read
-- Care time now, and how many seconds of it pass in a second.
SELECT care_now(), coalesce((SELECT speed FROM care_clock), 1.0);

-- name: set
-- Set care time and its speed.
INSERT INTO care_clock (anchor_server, anchor_care, speed)
VALUES (clock_timestamp(), %(moment)s, %(speed)s)
ON CONFLICT (single) DO UPDATE
SET anchor_server = excluded.anchor_server, anchor_care = excluded.anchor_care, speed = excluded.speed;
