-- name: take
-- Whose turn it is: locked until the work is committed. A time far ahead is that of a clock which has been set back.
UPDATE turns
SET due_at = %(now)s + %(every)s
WHERE loop = (
    SELECT loop FROM turns
    WHERE loop = %(loop)s AND (due_at <= %(now)s OR due_at > %(now)s + 2 * %(every)s::interval)
    FOR UPDATE SKIP LOCKED)
RETURNING loop;
