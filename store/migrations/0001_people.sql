-- Organisations, households, residents, responders, circles, rosters, consent.

CREATE TABLE organisations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL UNIQUE CHECK (code ~ '^[A-Za-z0-9_-]{1,64}$'),
    kind text NOT NULL CHECK (kind IN ('city', 'county', 'town', 'community', 'grid')),
    name text NOT NULL CHECK (name <> ''),
    parent_id bigint REFERENCES organisations,
    -- Every ancestor from the top, and this one last: a subtree is "path contains its root".
    path bigint[] NOT NULL DEFAULT '{}',
    -- The area code that devices are provisioned into (the level {cell} of their topics); unset for most grids.
    cell text UNIQUE CHECK (cell ~ '^[A-Za-z0-9_-]{1,64}$'),
    timezone text NOT NULL DEFAULT 'Asia/Shanghai',
    language text NOT NULL DEFAULT 'zh-CN' CHECK (language IN ('zh-CN', 'en')),
    lat double precision CHECK (lat BETWEEN -90 AND 90),
    lon double precision CHECK (lon BETWEEN -180 AND 180),
    retired_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    CHECK (parent_id <> id)
);
CREATE INDEX organisations_path ON organisations USING gin (path);
CREATE INDEX organisations_parent ON organisations (parent_id);

CREATE FUNCTION organisation_path() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.parent_id IS NULL THEN
        NEW.path := ARRAY[NEW.id];
    ELSE
        SELECT path || NEW.id INTO STRICT NEW.path FROM organisations WHERE id = NEW.parent_id;
        IF array_position(NEW.path, NEW.id) < cardinality(NEW.path) THEN
            RAISE EXCEPTION 'organisation % cannot be placed under itself', NEW.code USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER organisation_path BEFORE INSERT OR UPDATE OF parent_id ON organisations
    FOR EACH ROW EXECUTE FUNCTION organisation_path();

-- A branch that moves takes its leaves along.
CREATE FUNCTION organisation_branch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE organisations SET parent_id = parent_id WHERE parent_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER organisation_branch AFTER UPDATE OF parent_id ON organisations
    FOR EACH ROW WHEN (OLD.path IS DISTINCT FROM NEW.path) EXECUTE FUNCTION organisation_branch();

CREATE TABLE households (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL UNIQUE CHECK (code ~ '^[A-Za-z0-9_-]{1,64}$'),
    organisation_id bigint NOT NULL REFERENCES organisations,
    mode text NOT NULL DEFAULT 'live' CHECK (mode IN ('live', 'drill')),
    community text NOT NULL CHECK (community <> ''), -- said before acceptance
    address text NOT NULL CHECK (address <> ''), -- said after it
    access_notes text NOT NULL DEFAULT '',
    phone text CHECK (phone ~ '^\+[0-9]{7,15}$'),
    lat double precision CHECK (lat BETWEEN -90 AND 90),
    lon double precision CHECK (lon BETWEEN -180 AND 180),
    retired_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    CHECK ((lat IS NULL) = (lon IS NULL))
);
CREATE INDEX households_organisation ON households (organisation_id);

CREATE TABLE residents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL UNIQUE CHECK (code ~ '^[A-Za-z0-9_-]{1,64}$'),
    household_id bigint NOT NULL REFERENCES households,
    surname text NOT NULL CHECK (surname <> ''),
    given_name text NOT NULL DEFAULT '',
    sex text CHECK (sex IN ('female', 'male')),
    born_on date,
    categories text[] NOT NULL DEFAULT '{}' CHECK (categories <@ ARRAY[
        'living_alone', 'empty_nest', 'left_behind', 'disabled', 'dementia', 'lost_only_child', 'three_withouts',
        'five_guarantees']),
    language text NOT NULL DEFAULT 'zh-CN' CHECK (language IN ('zh-CN', 'en')),
    phone text CHECK (phone ~ '^\+[0-9]{7,15}$'),
    state text NOT NULL DEFAULT 'home' CHECK (state IN ('home', 'away', 'hospital', 'moved', 'deceased')),
    state_until timestamptz,
    retired_at timestamptz,
    version integer NOT NULL DEFAULT 1
);
CREATE INDEX residents_household ON residents (household_id);

CREATE TABLE consents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    resident_id bigint NOT NULL REFERENCES residents,
    purpose text NOT NULL CHECK (purpose IN ('location', 'health', 'overseas')),
    recipient text NOT NULL CHECK (recipient IN ('responders', 'duty_desk', 'integrators')),
    given_by text NOT NULL CHECK (given_by IN ('resident', 'guardian')),
    valid_from timestamptz NOT NULL,
    valid_until timestamptz,
    withdrawn_at timestamptz,
    CHECK (valid_until > valid_from)
);
CREATE INDEX consents_resident ON consents (resident_id);

CREATE TABLE responders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL UNIQUE CHECK (code ~ '^[A-Za-z0-9_-]{1,64}$'),
    organisation_id bigint NOT NULL REFERENCES organisations,
    name text NOT NULL CHECK (name <> ''),
    language text NOT NULL DEFAULT 'zh-CN' CHECK (language IN ('zh-CN', 'en')),
    -- A drill never reaches a real phone: only responders registered for drills are called for a drill.
    mode text NOT NULL DEFAULT 'live' CHECK (mode IN ('live', 'drill')),
    retired_at timestamptz,
    version integer NOT NULL DEFAULT 1
);
CREATE INDEX responders_organisation ON responders (organisation_id);

CREATE TABLE contacts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    responder_id bigint NOT NULL REFERENCES responders,
    channel text NOT NULL CHECK (channel IN ('voice', 'sms', 'webhook', 'console')),
    address text NOT NULL,
    rank smallint NOT NULL DEFAULT 0,
    confirmed_at timestamptz, -- by answering once; until then it gets no details
    stopped_at timestamptz, -- the person sent STOP
    UNIQUE (responder_id, channel, address),
    CHECK (channel NOT IN ('voice', 'sms') OR address ~ '^\+[0-9]{7,15}$'),
    CHECK (channel <> 'webhook' OR address ~ '^https?://')
);
CREATE INDEX contacts_address ON contacts (channel, address);

CREATE TABLE circle_members (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    household_id bigint REFERENCES households,
    organisation_id bigint REFERENCES organisations,
    circle text NOT NULL CHECK (circle IN (
        'children', 'kin_neighbours', 'grid_workers', 'village_cadres', 'care_service', 'duty_desk')),
    responder_id bigint NOT NULL REFERENCES responders,
    rank smallint NOT NULL DEFAULT 0,
    relation text NOT NULL DEFAULT '', -- in the resident's words: "daughter"
    CHECK ((household_id IS NULL) <> (organisation_id IS NULL)),
    CHECK ((household_id IS NOT NULL) = (circle IN ('children', 'kin_neighbours'))),
    UNIQUE NULLS NOT DISTINCT (household_id, organisation_id, circle, responder_id)
);
CREATE INDEX circle_members_organisation ON circle_members (organisation_id) WHERE organisation_id IS NOT NULL;
CREATE INDEX circle_members_responder ON circle_members (responder_id);

CREATE TABLE shifts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id bigint NOT NULL REFERENCES organisations,
    circle text NOT NULL CHECK (circle IN ('grid_workers', 'village_cadres', 'care_service', 'duty_desk')),
    responder_id bigint NOT NULL REFERENCES responders,
    weekday smallint NOT NULL CHECK (weekday BETWEEN 0 AND 6), -- 0 is Monday
    starts time NOT NULL, -- local to the organisation
    ends time NOT NULL, -- at or before ``starts``: on the next day
    UNIQUE (organisation_id, circle, responder_id, weekday, starts)
);

CREATE TABLE roster_overrides (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id bigint NOT NULL REFERENCES organisations,
    circle text NOT NULL CHECK (circle IN ('grid_workers', 'village_cadres', 'care_service', 'duty_desk')),
    responder_id bigint NOT NULL REFERENCES responders,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    on_duty boolean NOT NULL,
    CHECK (ends_at > starts_at),
    UNIQUE (organisation_id, circle, responder_id, starts_at)
);
