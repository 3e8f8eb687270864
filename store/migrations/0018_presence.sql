-- Who has which incident open at a console: kept by every console process for its pages, read by all. Machine time; of no
-- worth after a crash.
CREATE UNLOGGED TABLE open_incidents (
    page uuid PRIMARY KEY,
    incident_id bigint NOT NULL,
    name text NOT NULL, -- of the account
    seen_at timestamptz NOT NULL
);
