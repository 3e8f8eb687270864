-- Accounts that sign in through an OpenID Connect provider, and their sign-ins under way.

ALTER TABLE users ALTER password_hash DROP NOT NULL;
ALTER TABLE users
    ADD issuer text, -- together with subject: who the provider says it is
    ADD subject text,
    ADD by_claims boolean NOT NULL DEFAULT false, -- role and organisation follow what the provider says
    ADD UNIQUE (issuer, subject),
    ADD CHECK ((issuer IS NULL) = (subject IS NULL)),
    ADD CHECK (password_hash IS NOT NULL OR subject IS NOT NULL),
    ADD CHECK (NOT by_claims OR subject IS NOT NULL);

CREATE TABLE openid_flows (
    state_hash bytea PRIMARY KEY, -- SHA-256 of 256 random bits, as is the other
    browser_hash bytea NOT NULL,
    nonce text NOT NULL,
    verifier text NOT NULL,
    back_to text NOT NULL,
    expires_at timestamptz NOT NULL -- machine time
);
CREATE INDEX openid_flows_expires ON openid_flows (expires_at);
