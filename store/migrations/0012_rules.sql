-- Rules, what they remember, and what they have found.

-- Every version is kept; the highest of (name, scope, scope_id) counts. For everyone a rule stands whole; below it only
-- the fields that differ, and the narrowest wins field by field.
CREATE TABLE rules (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (name ~ '^[a-z][a-z0-9_]{0,62}$'),
    scope text NOT NULL CHECK (scope IN ('everyone', 'organisation', 'household', 'resident', 'device')),
    scope_id bigint NOT NULL DEFAULT 0,
    version integer NOT NULL CHECK (version > 0),
    rule jsonb NOT NULL CHECK (jsonb_typeof(rule) = 'object'),
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    CHECK ((scope = 'everyone') = (scope_id = 0)),
    UNIQUE (name, scope, scope_id, version)
);

-- ``due_at`` may be early, never late: whoever comes looks, and sets it anew. ``epoch`` rises with every write.
-- ``seen_at`` is the time of the last reading that ``state`` knows of.
CREATE TABLE rule_states (
    rule text NOT NULL,
    subject text NOT NULL CHECK (subject ~ '^(device|resident|household):[0-9]+$'),
    epoch bigint NOT NULL DEFAULT 1,
    phase text NOT NULL,
    due_at timestamptz,
    seen_at timestamptz,
    state bytea NOT NULL, -- MessagePack of the state that the rule's kind keeps
    PRIMARY KEY (rule, subject)
) WITH (fillfactor = 70);
CREATE INDEX rule_states_due ON rule_states (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE findings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule text NOT NULL,
    subject text NOT NULL,
    onset timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('raised', 'cleared')),
    hazard text NOT NULL,
    found_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    evidence jsonb NOT NULL,
    trial boolean NOT NULL, -- judged and recorded, nobody is called
    UNIQUE (rule, subject, onset, state)
);
CREATE INDEX findings_subject ON findings (subject, found_at);

INSERT INTO turns (loop, due_at) VALUES ('rule_states', 'epoch');
