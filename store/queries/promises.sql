-- name: broken
-- Every promise that can be checked from outside, with how often it is broken now and since when. One row for each kind.
-- Independent of the code that keeps them: other words, other paths. Patience is machine time: what was due at a moment of
-- care time is work that takes as long as it takes, however fast care time runs.
WITH late AS (
    SELECT %(now)s::timestamptz - %(patience)s::interval * care_speed() AS care,
           clock_timestamp() - %(patience)s::interval AS machine
)
SELECT 'engine_late', count(*), min(i.next_step_at)
FROM incidents i, late
WHERE i.state <> 'resolved' AND (i.next_step_at IS NULL OR i.next_step_at < late.care)
UNION ALL
SELECT 'alarm_alone', count(*), min(a.received_at)
FROM alarms a, late
WHERE a.state = 'raised' AND a.received_at > %(now)s::timestamptz - interval '2 days' AND a.received_at < late.care
  AND NOT EXISTS (SELECT FROM incident_alarms ia WHERE ia.alarm_id = a.id)
UNION ALL
SELECT 'outbox_late', count(*), min(n.due_at)
FROM notifications n, late
WHERE (n.state = 'pending' AND n.due_at < late.care
       AND (n.channel <> 'voice' OR NOT EXISTS (SELECT FROM calls c WHERE c.live AND c.number = n.address)))
   OR (n.state = 'sending' AND n.lease_until < late.machine)
   OR (n.state = 'sent' AND n.receipt_due_at < late.care)
UNION ALL
SELECT 'receipts_late', count(*), min(r.at)
FROM receipts r, late
WHERE r.sent_at IS NULL AND r.at < late.care
UNION ALL
SELECT 'doubled', count(*), min(d.since)
FROM (
    SELECT min(opened_at) AS since
    FROM incidents
    WHERE state <> 'resolved'
    GROUP BY mode, subject_kind, subject_id, hazard
    HAVING count(*) > 1) d;

-- name: deaf
-- The lanes whose canary has not come through for too long, and when the last one that did was published.
SELECT c.lane, heard_until(c.published_at, c.committed_at)
FROM canaries c
WHERE heard_until(c.published_at, c.committed_at) IS NULL
   OR heard_until(c.published_at, c.committed_at)
      < %(now)s::timestamptz - make_interval(secs => %(deaf_after_s)s * care_speed())
ORDER BY c.lane;

-- name: trouble
-- Remember that there is trouble of this kind: since when it has lasted without a break, and how often people have closed
-- its incident meanwhile.
WITH lasting AS (
    INSERT INTO troubles AS t (kind, since, last_at)
    VALUES (%(kind)s, %(now)s, %(now)s)
    ON CONFLICT (kind) DO UPDATE
    SET since = CASE WHEN t.last_at BETWEEN %(now)s::timestamptz - %(pause)s::interval AND %(now)s THEN t.since
                     ELSE excluded.since END,
        last_at = excluded.last_at
    RETURNING since
)
SELECT lasting.since,
       (SELECT count(*) FROM incidents i
        WHERE i.hazard = 'platform' AND i.subject_id = %(subject_id)s AND i.resolved_at >= lasting.since)
FROM lasting;

-- name: top
-- The organisation at the top of the tree; the first, where there are several.
SELECT id FROM organisations WHERE parent_id IS NULL AND retired_at IS NULL ORDER BY id LIMIT 1;
