-- name: forget
-- Sign-ins that were begun and came to nothing.
DELETE FROM openid_flows WHERE expires_at <= clock_timestamp();

-- name: begin
-- A sign-in is begun, unless too many are.
INSERT INTO openid_flows (state_hash, browser_hash, nonce, verifier, back_to, expires_at)
SELECT %(state_hash)s, %(browser_hash)s, %(nonce)s, %(verifier)s, %(back_to)s,
       clock_timestamp() + make_interval(secs => %(lasts_s)s)
WHERE (SELECT count(*) FROM openid_flows) < %(most)s
RETURNING true;

-- name: take
-- A sign-in comes back, once, to the browser that began it.
DELETE FROM openid_flows
WHERE state_hash = %(state_hash)s AND browser_hash = %(browser_hash)s AND expires_at > clock_timestamp()
RETURNING nonce, verifier, back_to;

-- name: known
-- The account of somebody whom the provider vouches for.
SELECT u.id, u.name, u.by_claims, u.role, o.code, u.retired_at IS NOT NULL OR o.retired_at IS NOT NULL
FROM users u JOIN organisations o ON o.id = u.organisation_id
WHERE u.issuer = %(issuer)s AND u.subject = %(subject)s
FOR UPDATE OF u;

-- name: admit
-- An account for somebody new; none if the name is taken or there is no such organisation in use.
INSERT INTO users (name, organisation_id, role, issuer, subject, by_claims)
SELECT %(name)s, o.id, %(role)s, %(issuer)s, %(subject)s, true
FROM organisations o WHERE o.code = %(organisation)s AND o.retired_at IS NULL
ON CONFLICT DO NOTHING
RETURNING id;

-- name: regrant
-- Another role or organisation; nothing if there is no such organisation in use.
UPDATE users u SET role = %(role)s, organisation_id = o.id
FROM organisations o
WHERE u.id = %(user_id)s AND o.code = %(organisation)s AND o.retired_at IS NULL
RETURNING u.id;

-- name: end_sessions
-- An account is signed out everywhere.
UPDATE sessions SET ended_at = clock_timestamp() WHERE user_id = %(user_id)s AND ended_at IS NULL;
