-- Devices, what is known of them now, readings, quarantine.

CREATE TABLE device_models (
    model text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN (
        'call_button', 'emergency_caller', 'wristband', 'phone', 'smoke_alarm', 'heat_alarm', 'gas_alarm', 'co_alarm',
        'infrared_sensor', 'door_sensor', 'leak_sensor', 'health_band', 'gateway')),
    protocol text NOT NULL CHECK (protocol IN ('native', 'zigbee2mqtt', 'owntracks')),
    -- Silence longer than this is a technical incident. Source: supervision classes of EN 50136-1.
    silent_after interval NOT NULL CHECK (silent_after BETWEEN '20 s' AND '32 d')
);

CREATE TABLE devices (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id text NOT NULL UNIQUE CHECK (device_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    cell text NOT NULL CHECK (cell ~ '^[A-Za-z0-9_-]{1,64}$'),
    organisation_id bigint NOT NULL REFERENCES organisations,
    model text NOT NULL REFERENCES device_models,
    -- Where a foreign protocol speaks of it: the topic without its variable end. Native devices have none.
    address text UNIQUE CHECK (address <> ''),
    household_id bigint REFERENCES households,
    resident_id bigint REFERENCES residents,
    mode text NOT NULL DEFAULT 'live' CHECK (mode IN ('live', 'drill')),
    room text NOT NULL DEFAULT '',
    credential_hash text, -- bcrypt of the broker password, which is shown once, when it is made
    registered_at timestamptz NOT NULL,
    retired_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    CHECK (resident_id IS NULL OR household_id IS NOT NULL)
);
CREATE INDEX devices_household ON devices (household_id);
CREATE INDEX devices_organisation ON devices (organisation_id);

-- Anything that changes how a message is judged raises this number, so that the lanes read the registry again.
CREATE SEQUENCE registry_version;
CREATE FUNCTION registry_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('registry_version');
    RETURN NULL;
END $$;
CREATE TRIGGER registry_changed AFTER INSERT OR UPDATE OR DELETE ON devices
    FOR EACH STATEMENT EXECUTE FUNCTION registry_changed();
CREATE TRIGGER registry_changed AFTER INSERT OR UPDATE OR DELETE ON device_models
    FOR EACH STATEMENT EXECUTE FUNCTION registry_changed();
CREATE TRIGGER registry_changed AFTER UPDATE OF organisation_id, mode, retired_at ON households
    FOR EACH STATEMENT EXECUTE FUNCTION registry_changed();

CREATE TABLE device_states (
    device_key bigint PRIMARY KEY REFERENCES devices,
    last_seen_at timestamptz NOT NULL,
    online boolean,
    session text,
    battery_pct real, battery_at timestamptz,
    lat double precision, lon double precision, accuracy_m real, position_at timestamptz,
    worn boolean, worn_at timestamptz,
    charging boolean, charging_at timestamptz
) WITH (fillfactor = 70);

-- The committed state of each republished hazard: only a change against it is an event.
CREATE TABLE device_hazards (
    device_key bigint NOT NULL REFERENCES devices,
    hazard text NOT NULL,
    state text NOT NULL CHECK (state IN ('raised', 'cleared')),
    since timestamptz NOT NULL,
    PRIMARY KEY (device_key, hazard)
);

-- Heartbeats: until when silence is normal. ``due_at`` may be early, never late; the engine looks and re-arms.
CREATE TABLE watches (
    device_key bigint PRIMARY KEY REFERENCES devices,
    silent_after interval NOT NULL,
    due_at timestamptz NOT NULL,
    silent_since timestamptz, -- judged silent; its incident is open
    epoch integer NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE INDEX watches_due ON watches (due_at);

-- A canary speaks through the same broker and lane as devices do. Without it the clocks of absence stand still.
CREATE TABLE canaries (
    lane text PRIMARY KEY,
    published_at timestamptz NOT NULL,
    committed_at timestamptz
);

CREATE TABLE readings (
    device_key bigint NOT NULL,
    at timestamptz NOT NULL,
    digest integer NOT NULL, -- CRC-32 of what was said: with device and time, the identity of a reading
    received_at timestamptz NOT NULL,
    seq bigint,
    lat double precision, lon double precision, accuracy_m real, speed_mps real,
    heart_rate_bpm real, spo2_pct real, systolic_mmhg real, diastolic_mmhg real, temperature_c real,
    steps bigint, motion boolean, contact_open boolean, smoke_level real, battery_pct real, rssi_dbm real,
    worn boolean, charging boolean,
    extra text, -- JSON of fields that we do not know
    CONSTRAINT readings_identity UNIQUE (device_key, at, digest)
) PARTITION BY RANGE (at);

-- More than 48 h from server time: shown, and never "latest".
CREATE TABLE readings_misdated (
    device_key bigint NOT NULL,
    at timestamptz NOT NULL,
    digest integer NOT NULL,
    received_at timestamptz NOT NULL,
    reading jsonb NOT NULL,
    UNIQUE (device_key, at, digest)
);

CREATE TABLE quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reason text NOT NULL CHECK (reason <> ''),
    topic text NOT NULL,
    digest integer NOT NULL,
    device_key bigint,
    cell text, -- where the topic states one: who may see it
    detail text NOT NULL,
    payload bytea NOT NULL,
    size_bytes integer NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    times bigint NOT NULL DEFAULT 1,
    UNIQUE (reason, topic, digest)
);
CREATE INDEX quarantine_last ON quarantine (last_at);
