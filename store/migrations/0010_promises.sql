-- What the auditor has found wrong with the platform itself: since when, without a break.
CREATE TABLE troubles (
    kind text PRIMARY KEY,
    since timestamptz NOT NULL,
    last_at timestamptz NOT NULL
);
