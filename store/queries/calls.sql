-- name: open
-- Open calls to the numbers that have something due and no live call, worst first, and claim everything due for each of
-- them: one call announces it all. A call that lost the race for its notifications comes back without any.
WITH due AS (
    SELECT DISTINCT ON (n.address) n.address, i.mode, n.severity, n.due_at, n.id,
           (n.round > 1 OR n.sequence > 0 OR n.purpose IN ('remind', 'inform')) AS second
    FROM notifications n
    JOIN incidents i ON i.id = n.incident_id
    WHERE n.channel = 'voice' AND n.state = 'pending' AND n.due_at <= %(now)s
      AND NOT EXISTS (SELECT FROM calls c WHERE c.live AND c.number = n.address)
    ORDER BY n.address, second, n.severity, n.due_at, n.id),
opened AS (
    INSERT INTO calls (number, mode, started_at, check_at)
    SELECT address, mode, %(now)s, %(check_at)s FROM due ORDER BY second, severity, due_at, id LIMIT %(most)s
    ON CONFLICT (number) WHERE live DO NOTHING
    RETURNING id, number, mode),
taken AS (
    SELECT n.id, o.id AS call_id, i.mode,
           CASE n.purpose WHEN 'connect' THEN 'live' ELSE coalesce(r.mode, i.mode) END AS responder_mode
    FROM opened o
    JOIN notifications n ON n.address = o.number
    JOIN incidents i ON i.id = n.incident_id AND i.mode = o.mode
    LEFT JOIN responders r ON r.id = n.responder_id
    WHERE n.channel = 'voice' AND n.state = 'pending' AND n.due_at <= %(now)s
    FOR UPDATE OF n SKIP LOCKED),
claimed AS (
    UPDATE notifications n
    SET state = 'sending', lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s), fence = n.fence + 1,
        attempts = n.attempts + 1, call_id = taken.call_id
    FROM taken
    WHERE n.id = taken.id
    RETURNING n.*, taken.mode, taken.responder_mode)
SELECT o.id AS call, o.number, %(now)s::timestamptz AS started_at,
       k.id, k.incident_id, k.responder_id, k.channel, k.address, k.language, k.purpose, k.token, k.severity,
       k.round, k.sequence, k.fence, k.attempts, k.created_at, k.due_at, k.call_id, false AS again,
       k.mode, k.responder_mode, false AS stopped
FROM opened o
LEFT JOIN claimed k ON k.call_id = o.id
ORDER BY (k.round > 1 OR k.sequence > 0 OR k.purpose IN ('remind', 'inform')), k.severity, k.due_at, k.id;

-- name: reopen
-- Claim calls that a sender began to place and of which nothing is known: its lease has run out.
WITH lost AS (
    SELECT c.id, c.number, c.started_at, c.mode FROM calls c
    WHERE c.live AND c.provider_ref IS NULL AND EXISTS (
        SELECT FROM notifications n WHERE n.call_id = c.id AND n.state = 'sending' AND n.lease_until < clock_timestamp())
    ORDER BY c.started_at LIMIT %(most)s FOR UPDATE SKIP LOCKED),
claimed AS (
    UPDATE notifications n
    SET lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s), fence = n.fence + 1,
        attempts = n.attempts + 1
    FROM lost
    WHERE n.call_id = lost.id AND n.state = 'sending' AND n.lease_until < clock_timestamp()
    RETURNING n.*, lost.number, lost.started_at, lost.mode)
SELECT k.call_id AS call, k.number, k.started_at,
       k.id, k.incident_id, k.responder_id, k.channel, k.address, k.language, k.purpose, k.token, k.severity,
       k.round, k.sequence, k.fence, k.attempts, k.created_at, k.due_at, k.call_id, true AS again,
       k.mode, CASE k.purpose WHEN 'connect' THEN 'live' ELSE coalesce(r.mode, k.mode) END AS responder_mode,
       false AS stopped
FROM claimed k LEFT JOIN responders r ON r.id = k.responder_id
ORDER BY (k.round > 1 OR k.sequence > 0 OR k.purpose IN ('remind', 'inform')), k.severity, k.due_at, k.id;

-- name: stranded
-- What a sender claimed for a call that has ended, or that the provider has, and never settled: pending again.
UPDATE notifications n SET state = 'pending', lease_until = NULL, call_id = NULL
WHERE n.channel = 'voice' AND n.state = 'sending' AND n.lease_until < clock_timestamp()
  AND NOT EXISTS (SELECT FROM calls c WHERE c.id = n.call_id AND c.live AND c.provider_ref IS NULL);

-- name: adopt
-- The provider knows this call by ``ref``; nothing comes back if it is known by another already.
UPDATE calls SET provider_ref = %(ref)s, status = CASE status WHEN 'starting' THEN 'queued' ELSE status END,
                 check_at = CASE WHEN provider_ref IS NULL THEN %(check_at)s ELSE check_at END
WHERE id = %(id)s AND (provider_ref IS NULL OR provider_ref = %(ref)s)
RETURNING id;

-- name: on_its_way
-- All notifications of a call that the provider has taken are sent.
UPDATE notifications SET state = 'sent', sent_at = %(now)s, lease_until = NULL
WHERE call_id = %(id)s AND state = 'sending'
RETURNING id, incident_id, responder_id, operator, channel;

-- name: by_ref
-- A call by the provider's id.
SELECT id, number, mode, live, provider_ref, status, answered_by, started_at FROM calls WHERE provider_ref = %(ref)s;

-- name: by_token
-- The call in which the notification with this token is, or was last.
SELECT c.id, c.number, c.mode, c.live, c.provider_ref, c.status, c.answered_by, c.started_at
FROM notifications n JOIN calls c ON c.id = n.call_id WHERE n.token = %(token)s;

-- name: lock
-- A call, held until the transaction ends.
SELECT id, number, mode, live, provider_ref, status, answered_by, started_at FROM calls WHERE id = %(id)s FOR UPDATE;

-- name: progress
-- How a call stands now; ``answered_by`` is kept once known.
UPDATE calls SET status = %(status)s, answered_by = coalesce(answered_by, %(answered_by)s), check_at = %(check_at)s
WHERE id = %(id)s AND live;

-- name: judged
-- Who answered, as far as we can tell by now.
UPDATE calls SET answered_by = %(answered_by)s WHERE id = %(id)s;

-- name: finish
-- A call is over, and its number is free.
UPDATE calls SET live = false, ended_at = %(now)s, status = %(status)s,
                 answered_by = coalesce(answered_by, %(answered_by)s)
WHERE id = %(id)s AND live
RETURNING id;

-- name: aboard
-- What a call is about: its notifications in the order of announcing.
SELECT id, incident_id, responder_id, operator, connect_to, connect_with, channel, language, purpose, token, state,
       announced_at, answer
FROM notifications WHERE call_id = %(id)s
ORDER BY (round > 1 OR sequence > 0 OR purpose IN ('remind', 'inform')), severity, due_at, id;

-- name: board
-- While a call is answered, claim what else is due for its number.
WITH due AS (
    SELECT n.id FROM notifications n
    JOIN incidents i ON i.id = n.incident_id
    JOIN calls c ON c.number = n.address AND c.mode = i.mode
    WHERE c.id = %(id)s AND c.live AND n.channel = 'voice' AND n.state = 'pending' AND n.due_at <= %(now)s
    FOR UPDATE OF n SKIP LOCKED)
UPDATE notifications n
SET state = 'sending', lease_until = clock_timestamp() + interval '1 minute', fence = n.fence + 1,
    attempts = n.attempts + 1, call_id = %(id)s
FROM due WHERE n.id = due.id
RETURNING n.id;

-- name: announced
-- A notification has been spoken to whoever answered.
UPDATE notifications
SET announced_at = coalesce(announced_at, %(now)s), state = 'delivered', delivered_at = coalesce(delivered_at, %(now)s),
    sent_at = coalesce(sent_at, %(now)s), receipt_due_at = NULL
WHERE id = %(id)s AND state IN ('sent', 'delivered', 'failed', 'cancelled')
RETURNING id, incident_id, responder_id, operator, channel;

-- name: told
-- Nobody needs to go any more: the person has been told so.
UPDATE notifications SET announced_at = %(now)s WHERE id = %(id)s AND announced_at IS NULL;

-- name: unheard
-- Live calls of which nothing has been heard in time, put off so that nobody else takes them meanwhile.
WITH late AS (
    SELECT c.id FROM calls c
    WHERE c.live AND c.check_at <= %(now)s AND NOT EXISTS (
        SELECT FROM notifications n WHERE n.call_id = c.id AND n.state = 'sending' AND c.provider_ref IS NULL)
    ORDER BY c.check_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)
UPDATE calls c SET check_at = %(again_at)s FROM late WHERE c.id = late.id
RETURNING c.id, c.number, c.mode, c.live, c.provider_ref, c.status, c.answered_by, c.started_at;

-- name: engaged
-- Whether we have a live call to a number.
SELECT EXISTS (SELECT FROM calls WHERE live AND number = %(number)s);

-- name: known_refs
-- What we know of at the provider for this number since then: none of it is the call whose fate is unknown.
SELECT provider_ref FROM calls WHERE number = %(number)s AND started_at >= %(since)s AND provider_ref IS NOT NULL;
