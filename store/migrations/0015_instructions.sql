-- What operators should ask and do for each hazard, where an organisation has words of its own. The newest version
-- counts; one without words goes back to what is inherited: of the organisation above, or as shipped.
CREATE TABLE instructions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id bigint NOT NULL REFERENCES organisations,
    hazard text NOT NULL CHECK (hazard <> ''),
    version integer NOT NULL CHECK (version > 0),
    zh text CHECK (zh <> ''),
    en text CHECK (en <> ''),
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL,
    CHECK ((zh IS NULL) = (en IS NULL)),
    UNIQUE (organisation_id, hazard, version)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON instructions
    FOR EACH ROW EXECUTE FUNCTION append_only();
