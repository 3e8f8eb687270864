-- Accounts, keys, audit trail.

CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name ~ '^[A-Za-z0-9_.@-]{1,64}$'),
    organisation_id bigint NOT NULL REFERENCES organisations,
    role text NOT NULL CHECK (role IN ('operator', 'supervisor', 'administrator', 'auditor')),
    language text NOT NULL DEFAULT 'zh-CN' CHECK (language IN ('zh-CN', 'en')),
    password_hash text NOT NULL, -- argon2id
    failed_sign_ins integer NOT NULL DEFAULT 0,
    locked_until timestamptz,
    retired_at timestamptz
);

CREATE TABLE api_keys (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    organisation_id bigint NOT NULL REFERENCES organisations,
    scopes text[] NOT NULL CHECK (scopes <@ ARRAY['read', 'act', 'manage', 'health', 'audit'] AND scopes <> '{}'),
    key_hash bytea NOT NULL UNIQUE, -- SHA-256 of a random key of 256 bits, shown once
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    retired_at timestamptz
);

CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    noun text NOT NULL,
    noun_id text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_noun ON audit (noun, noun_id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION append_only();
