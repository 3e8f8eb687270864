-- name: close
-- Wait until no transaction under this lease is running, and let none begin before ours ends.
SELECT pg_advisory_xact_lock(hashtextextended('lease ' || %(name)s, 0));

-- name: take
-- Take a lease that is free, has run out, is the holder's own, or that of one who is known to be dead; the fence rises.
INSERT INTO leases (name, holder, until)
VALUES (%(name)s, %(holder)s, clock_timestamp() + make_interval(secs => %(for_s)s))
ON CONFLICT (name) DO UPDATE
SET holder = excluded.holder, fence = leases.fence + 1, until = excluded.until
WHERE leases.until < clock_timestamp() OR leases.holder IN (excluded.holder, %(dead)s)
RETURNING fence;

-- name: free
-- Whether ``take`` would succeed now.
SELECT NOT EXISTS (
    SELECT FROM leases
    WHERE name = %(name)s AND holder NOT IN (%(holder)s, %(dead)s) AND until >= clock_timestamp());

-- name: holder
-- Who has held a lease last.
SELECT holder FROM leases WHERE name = %(name)s;

-- name: renew
-- Keep a lease that nobody has taken over.
UPDATE leases SET until = clock_timestamp() + make_interval(secs => %(for_s)s)
WHERE name = %(name)s AND holder = %(holder)s AND fence = %(fence)s
RETURNING fence;

-- name: give_back
-- Let the next one have the lease at once.
UPDATE leases SET until = '-infinity' WHERE name = %(name)s AND holder = %(holder)s AND fence = %(fence)s;

-- name: hold
-- Let this transaction commit only while the lease is held.
SELECT hold_lease(%(name)s, %(holder)s, %(fence)s);
