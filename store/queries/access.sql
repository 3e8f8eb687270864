-- name: add_key
-- A new API key; only its hash is kept.
INSERT INTO api_keys (name, organisation_id, scopes, key_hash, created_at, expires_at)
SELECT %(name)s, o.id, %(scopes)s, %(key_hash)s, %(now)s, %(expires_at)s
FROM organisations o WHERE o.code = %(organisation)s AND o.retired_at IS NULL
RETURNING id;

-- name: key
-- Whose key this is, while it counts.
SELECT k.id, k.organisation_id, k.scopes
FROM api_keys k JOIN organisations o ON o.id = k.organisation_id
WHERE k.key_hash = %(key_hash)s AND k.retired_at IS NULL AND o.retired_at IS NULL
  AND (k.expires_at IS NULL OR k.expires_at > %(now)s);

-- name: key_counts
-- Whether the key that an actor came with still counts.
SELECT EXISTS (
    SELECT FROM api_keys k JOIN organisations o ON o.id = k.organisation_id
    WHERE 'key:' || k.id = %(actor)s AND k.retired_at IS NULL AND o.retired_at IS NULL
      AND (k.expires_at IS NULL OR k.expires_at > %(now)s));

-- name: keys
-- The keys of a subtree.
SELECT k.id, k.name, o.code, k.scopes, k.created_at, k.expires_at, k.retired_at
FROM api_keys k JOIN organisations o ON o.id = k.organisation_id
WHERE o.path @> ARRAY[%(within)s::bigint]
  AND (%(id)s::bigint IS NULL OR k.id = %(id)s::bigint)
  AND (%(after)s::bigint IS NULL OR k.id > %(after)s::bigint)
ORDER BY k.id LIMIT %(limit)s::bigint;

-- name: retire_key
-- A key counts no more.
UPDATE api_keys SET retired_at = coalesce(retired_at, %(now)s) WHERE id = %(id)s;

-- name: add_user
-- A new account.
INSERT INTO users (name, organisation_id, role, language, password_hash, issuer, subject)
SELECT %(name)s, o.id, %(role)s, %(language)s, %(password_hash)s, %(issuer)s, %(subject)s
FROM organisations o WHERE o.code = %(organisation)s AND o.retired_at IS NULL
RETURNING id;

-- name: users
-- The accounts of a subtree.
SELECT u.name, o.code, u.role, u.language, u.retired_at
FROM users u JOIN organisations o ON o.id = u.organisation_id
WHERE o.path @> ARRAY[%(within)s::bigint]
  AND (%(name)s::text IS NULL OR u.name = %(name)s::text)
  AND (%(after)s::text IS NULL OR u.name > %(after)s::text)
ORDER BY u.name LIMIT %(limit)s::bigint;

-- name: every_user
-- All accounts, by name.
SELECT u.name, o.code, u.role, u.language, u.retired_at
FROM users u JOIN organisations o ON o.id = u.organisation_id
ORDER BY u.name;

-- name: retire_user
-- An account counts no more.
UPDATE users SET retired_at = coalesce(retired_at, %(now)s) WHERE name = %(name)s;

-- name: organisation_depth
-- How many levels lie above an organisation, itself included: 1 at the top.
SELECT cardinality(path) FROM organisations WHERE id = %(id)s;
