-- name: asked
-- What this phone has been asked: the latest notification for each incident and person, newest incident first. Open is
-- what still waits for an answer.
SELECT DISTINCT ON (i.opened_at, i.id, n.responder_id)
       n.id, n.incident_id, n.responder_id, n.channel, n.language, i.number,
       i.state <> 'resolved' AND NOT EXISTS (
           SELECT FROM participations p
           WHERE p.incident_id = i.id AND p.responder_id = n.responder_id
             AND greatest(p.accepted_at, p.declined_at, p.arrived_at) >= n.created_at) AS open
FROM notifications n
JOIN incidents i ON i.id = n.incident_id
WHERE n.address = %(address)s AND n.channel IN ('voice', 'sms') AND n.responder_id IS NOT NULL
  AND n.purpose IN ('ask', 'ask_again') AND n.state NOT IN ('pending', 'cancelled')
  AND n.created_at > %(since)s
ORDER BY i.opened_at DESC, i.id DESC, n.responder_id, n.channel = 'sms' DESC, n.id DESC;

-- name: languages
-- The languages of those who have this number for texts; none: nobody we know.
SELECT DISTINCT r.language FROM contacts c JOIN responders r ON r.id = c.responder_id
WHERE c.channel = 'sms' AND c.address = %(address)s AND r.retired_at IS NULL
ORDER BY r.language;

-- name: stop
-- Whoever has this number wants no texts there any more.
UPDATE contacts SET stopped_at = %(now)s WHERE channel = 'sms' AND address = %(address)s AND stopped_at IS NULL
RETURNING id;

-- name: start
-- Texts may go to this number again.
UPDATE contacts SET stopped_at = NULL WHERE channel = 'sms' AND address = %(address)s AND stopped_at IS NOT NULL
RETURNING id;

-- name: expected
-- Where somebody with this number has said to be going and has not arrived, worst first.
SELECT i.id AS incident_id, p.responder_id, r.language
FROM participations p
JOIN incidents i ON i.id = p.incident_id AND i.state <> 'resolved'
JOIN responders r ON r.id = p.responder_id
WHERE p.accepted_at IS NOT NULL AND p.arrived_at IS NULL
  AND (p.declined_at IS NULL OR p.declined_at < p.accepted_at)
  AND EXISTS (
      SELECT FROM contacts c
      WHERE c.responder_id = p.responder_id AND c.channel IN ('voice', 'sms') AND c.address = %(address)s)
ORDER BY i.severity, p.accepted_at, i.id;
