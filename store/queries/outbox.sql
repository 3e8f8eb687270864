-- name: claim
-- Claim messages of a channel other than voice: what is due, and what a sender took and did not finish. First messages
-- before second ones, worst first. Leases are machine time.
WITH taken AS (
    SELECT id, state = 'sending' AS again
    FROM notifications
    WHERE channel = %(channel)s
      AND ((state = 'pending' AND due_at <= %(now)s) OR (state = 'sending' AND lease_until < clock_timestamp()))
    ORDER BY (round > 1 OR sequence > 0 OR purpose IN ('remind', 'inform')), severity, due_at, id
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED)
UPDATE notifications n
SET state = 'sending', lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s), fence = n.fence + 1,
    attempts = n.attempts + 1
FROM taken
JOIN notifications m ON m.id = taken.id
JOIN incidents i ON i.id = m.incident_id
LEFT JOIN responders r ON r.id = m.responder_id
LEFT JOIN contacts c ON c.id = m.contact_id
WHERE n.id = taken.id
RETURNING n.id, n.incident_id, n.responder_id, n.channel, n.address, n.language, n.purpose, n.token, n.severity,
          n.round, n.sequence, n.fence, n.attempts, n.created_at, n.due_at, n.call_id, taken.again,
          i.mode, coalesce(r.mode, i.mode) AS responder_mode, c.stopped_at IS NOT NULL AS stopped;

-- name: next_due
-- When the outbox has to be looked at again: care time of calls that wait, of other messages, and of receipts that are
-- missing; seconds of machine time until a lease runs out.
SELECT (SELECT min(n.due_at) FROM notifications n
        WHERE n.state = 'pending' AND n.channel = 'voice'
          AND NOT EXISTS (SELECT FROM calls c WHERE c.live AND c.number = n.address)) AS call_at,
       (SELECT min(n.due_at) FROM notifications n WHERE n.state = 'pending' AND n.channel <> 'voice') AS message_at,
       least(
           (SELECT min(receipt_due_at) FROM notifications WHERE state = 'sent' AND receipt_due_at IS NOT NULL),
           (SELECT min(c.check_at) FROM calls c
            WHERE c.live AND (c.provider_ref IS NOT NULL OR NOT EXISTS (
                SELECT FROM notifications n WHERE n.call_id = c.id AND n.state = 'sending')))) AS check_at,
       (SELECT extract(epoch FROM min(lease_until) - clock_timestamp()) FROM notifications
        WHERE state = 'sending')::double precision AS lease_s;

-- name: poke
-- Have the engine look at these incidents now. Taken first in a transaction, so that locks are in the engine's order.
UPDATE incidents SET next_step_at = least(next_step_at, %(now)s)
WHERE id IN (SELECT id FROM incidents WHERE id = ANY (%(incidents)s) AND state <> 'resolved' ORDER BY id FOR UPDATE);

-- name: by_token
-- Which notification a link or a call-back speaks of.
SELECT id, incident_id, call_id, provider_ref, state FROM notifications WHERE token = %(token)s;

-- name: went_out
-- The provider has taken a message that is still ours to send.
UPDATE notifications
SET state = 'sent', sent_at = %(now)s, lease_until = NULL, provider_ref = %(ref)s, provider_status = %(status)s,
    receipt_due_at = %(receipt_due_at)s
WHERE id = %(id)s AND state = 'sending' AND (%(fence)s::bigint IS NULL OR fence = %(fence)s)
RETURNING id, incident_id, responder_id, operator, channel;

-- name: reached
-- A message has arrived; also one that had been given up on.
UPDATE notifications
SET state = 'delivered', delivered_at = %(now)s, receipt_due_at = NULL, sent_at = coalesce(sent_at, %(now)s),
    provider_status = coalesce(%(status)s, provider_status)
WHERE id = %(id)s AND state IN ('sent', 'failed', 'cancelled')
RETURNING id, incident_id, responder_id, operator, channel;

-- name: failed
-- A message, or an unanswered call, has reached nobody.
UPDATE notifications
SET state = 'failed', failure = %(failure)s, lease_until = NULL, receipt_due_at = NULL,
    provider_status = coalesce(%(status)s, provider_status), provider_error = coalesce(%(error)s, provider_error)
WHERE id = %(id)s AND state = ANY (%(from_states)s) AND answer IS NULL
  AND (%(fence)s::bigint IS NULL OR fence = %(fence)s)
RETURNING id, incident_id, responder_id, operator, channel;

-- name: put_back
-- Not this time: due again at a later moment of care time.
UPDATE notifications
SET state = 'pending', due_at = %(due_at)s, lease_until = NULL, receipt_due_at = NULL, call_id = NULL,
    provider_error = coalesce(%(error)s, provider_error), attempts = CASE WHEN %(afresh)s THEN 0 ELSE attempts END
WHERE id = %(id)s AND state IN ('sending', 'sent') AND (%(fence)s::bigint IS NULL OR fence = %(fence)s)
RETURNING id, incident_id, responder_id, operator, channel;

-- name: look_later
-- The provider may have taken it: another sender, or this one, finds out once the shortened lease has run out.
UPDATE notifications n
SET lease_until = clock_timestamp() + make_interval(secs => %(wait_s)s), provider_error = %(error)s
FROM unnest(%(ids)s::bigint[], %(fences)s::bigint[]) AS ours (id, fence)
WHERE n.id = ours.id AND n.fence = ours.fence AND n.state = 'sending';

-- name: noted
-- What the provider last said of a message, where that moves nothing.
UPDATE notifications SET provider_status = %(status)s WHERE id = %(id)s AND state IN ('sent', 'sending');

-- name: unheard
-- Messages without a receipt in time, put off so that nobody else takes them meanwhile.
WITH late AS (
    SELECT id FROM notifications
    WHERE state = 'sent' AND receipt_due_at <= %(now)s AND call_id IS NULL
    ORDER BY severity, receipt_due_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)
UPDATE notifications n SET receipt_due_at = %(again_at)s FROM late WHERE n.id = late.id
RETURNING n.id, n.incident_id, n.channel, n.provider_ref;

-- name: known_refs
-- What we know of at the provider for this address since then: none of it is the attempt whose fate is unknown.
SELECT provider_ref FROM notifications
WHERE address = %(address)s AND created_at >= %(since)s AND provider_ref IS NOT NULL;

-- name: console_seen
-- An operator's console has shown the incident.
UPDATE notifications SET state = 'delivered', delivered_at = %(now)s, receipt_due_at = NULL
WHERE incident_id = %(incident)s AND channel = 'console' AND state = 'sent'
RETURNING id, incident_id, responder_id, operator, channel;
