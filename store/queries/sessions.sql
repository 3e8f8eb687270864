-- name: credentials
-- What a sign-in is checked against.
SELECT u.id, u.password_hash, coalesce(u.locked_until > clock_timestamp(), false)
FROM users u JOIN organisations o ON o.id = u.organisation_id
WHERE u.name = %(name)s AND u.password_hash IS NOT NULL AND u.retired_at IS NULL AND o.retired_at IS NULL;

-- name: failed
-- One failure more; so many in a row lock the account. After a lock has run out counting begins again.
UPDATE users u
SET failed_sign_ins = f.failures,
    locked_until = CASE WHEN f.failures >= %(failures)s THEN clock_timestamp() + make_interval(secs => %(lock_s)s) END
FROM (SELECT id, CASE WHEN locked_until <= clock_timestamp() THEN 1 ELSE failed_sign_ins + 1 END AS failures
      FROM users WHERE id = %(user_id)s FOR UPDATE) f
WHERE u.id = f.id
RETURNING u.locked_until IS NOT NULL;

-- name: begin
-- A session, unless the account has been locked or retired meanwhile.
WITH welcome AS (
    UPDATE users SET failed_sign_ins = 0, locked_until = NULL
    WHERE id = %(user_id)s AND retired_at IS NULL AND (locked_until IS NULL OR locked_until <= clock_timestamp())
    RETURNING id)
INSERT INTO sessions (token_hash, user_id, created_at, expires_at)
SELECT %(token_hash)s, id, clock_timestamp(), clock_timestamp() + make_interval(secs => %(lasts_s)s) FROM welcome
RETURNING user_id;

-- name: visitor
-- Who is signed in with a cookie, while the session and the account count.
SELECT u.name, u.role, u.language, u.organisation_id, o.name, o.timezone, u.phone
FROM sessions s
JOIN users u ON u.id = s.user_id
JOIN organisations o ON o.id = u.organisation_id
WHERE s.token_hash = %(token_hash)s AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
  AND u.retired_at IS NULL AND o.retired_at IS NULL;

-- name: living
-- Which of these sessions still count.
SELECT s.token_hash
FROM sessions s
JOIN users u ON u.id = s.user_id
JOIN organisations o ON o.id = u.organisation_id
WHERE s.token_hash = ANY (%(token_hashes)s) AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
  AND u.retired_at IS NULL AND o.retired_at IS NULL;

-- name: finish
-- Signed out.
UPDATE sessions SET ended_at = clock_timestamp() WHERE token_hash = %(token_hash)s AND ended_at IS NULL;

-- name: set_language
-- The language in which an account wants its pages.
UPDATE users SET language = %(language)s WHERE name = %(name)s;

-- name: set_phone
-- The telephone at which an account wants to be called.
UPDATE users SET phone = %(phone)s WHERE name = %(name)s AND phone IS DISTINCT FROM %(phone)s;
