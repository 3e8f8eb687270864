-- Who is signed in at a console, and an operator's word that the plan is not to wait.

CREATE TABLE sessions (
    token_hash bytea PRIMARY KEY, -- SHA-256 of the random cookie of 256 bits
    user_id bigint NOT NULL REFERENCES users,
    created_at timestamptz NOT NULL, -- machine time, as are the others
    expires_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX sessions_user ON sessions (user_id);

ALTER TABLE incidents ADD hurried_at timestamptz; -- nobody who was asked before is waited for
