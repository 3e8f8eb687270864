-- name: read
-- Care time now, how many seconds of it pass in a second, and what the server's clock on the wall says.
SELECT care_now(), care_speed(), clock_timestamp();

-- name: set
-- Set care time and its speed.
INSERT INTO care_clock (anchor_server, anchor_care, speed)
VALUES (clock_timestamp(), %(moment)s, %(speed)s)
ON CONFLICT (single) DO UPDATE
SET anchor_server = excluded.anchor_server, anchor_care = excluded.anchor_care, speed = excluded.speed;
