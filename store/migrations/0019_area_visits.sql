-- The call-and-visit list of an area incident: what operators have learned of each home that it concerns.
CREATE TABLE area_visits (
    incident_id bigint NOT NULL REFERENCES incidents,
    household_id bigint NOT NULL REFERENCES households,
    state text NOT NULL CHECK (state IN ('not_asked', 'called', 'answered', 'visited', 'fine', 'needs_help')),
    by text NOT NULL, -- the actor, as the timeline names it
    at timestamptz NOT NULL,
    PRIMARY KEY (incident_id, household_id)
);
CREATE INDEX area_visits_household ON area_visits (household_id);
