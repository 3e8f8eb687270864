-- Where nobody could come if an alarm came now: kept as gaps, since when, so that ten thousand homes in order cost nothing.
CREATE TABLE coverage_gaps (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('nobody', 'only_the_desk', 'unconfirmed', 'desk_unmanned', 'unreachable')),
    organisation_id bigint NOT NULL REFERENCES organisations,
    household_id bigint REFERENCES households,
    responder_id bigint REFERENCES responders,
    since timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (kind, organisation_id, household_id, responder_id)
);
CREATE INDEX coverage_gaps_organisation ON coverage_gaps (organisation_id);
