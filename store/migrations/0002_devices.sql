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
    changed xid8 NOT NULL DEFAULT pg_current_xact_id(), -- the last transaction that changed how it is judged
    CHECK (resident_id IS NULL OR household_id IS NOT NULL)
);
CREATE INDEX devices_household ON devices (household_id);
CREATE INDEX devices_organisation ON devices (organisation_id);

-- Whoever keeps the registry in memory asks for the rows of transactions that its last look cannot have seen: those
-- whose number is not below the oldest that was running then. A sequence or a time would miss what commits late.
CREATE INDEX devices_changed ON devices (changed);

CREATE FUNCTION device_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed := pg_current_xact_id();
    RETURN NEW;
END $$;
CREATE TRIGGER device_changed BEFORE UPDATE ON devices FOR EACH ROW EXECUTE FUNCTION device_changed();

-- What is judged of a device depends on its model, its household and its resident too.
CREATE FUNCTION devices_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'households' THEN
        UPDATE devices SET changed = pg_current_xact_id() WHERE household_id = NEW.id;
    ELSIF TG_TABLE_NAME = 'residents' THEN
        UPDATE devices SET changed = pg_current_xact_id() WHERE resident_id = NEW.id;
    ELSE
        UPDATE devices SET changed = pg_current_xact_id() WHERE model = NEW.model;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER devices_changed AFTER UPDATE OF organisation_id, mode, retired_at ON households FOR EACH ROW
    WHEN ((OLD.organisation_id, OLD.mode, OLD.retired_at) IS DISTINCT FROM
          (NEW.organisation_id, NEW.mode, NEW.retired_at)) EXECUTE FUNCTION devices_changed();
CREATE TRIGGER devices_changed AFTER UPDATE OF retired_at ON residents FOR EACH ROW
    WHEN (OLD.retired_at IS DISTINCT FROM NEW.retired_at) EXECUTE FUNCTION devices_changed();
CREATE TRIGGER devices_changed AFTER UPDATE ON device_models FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION devices_changed();

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
    state text NOT NULL CHECK (state IN ('raised', 'cleared', 'test')),
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

-- A hypertable where TimescaleDB is loaded, else daily partitions, which store/partitions.py makes ahead and drops. That
-- is decided here, once: the two cannot be turned into one another in place.
DO $readings$
DECLARE
    timescale boolean := current_setting('shared_preload_libraries') LIKE '%timescaledb%'
        AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb');
BEGIN
    EXECUTE $table$
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
) $table$ || CASE WHEN timescale THEN '' ELSE 'PARTITION BY RANGE (at)' END;
    IF timescale THEN
        CREATE EXTENSION IF NOT EXISTS timescaledb;
        PERFORM create_hypertable('readings', 'at', chunk_time_interval => interval '1 day');
    END IF;
END $readings$;

-- More than 48 h from server time: shown, and never "latest".
CREATE TABLE readings_misdated (
    device_key bigint NOT NULL,
    at timestamptz NOT NULL,
    digest integer NOT NULL,
    received_at timestamptz NOT NULL,
    reading jsonb NOT NULL,
    UNIQUE (device_key, at, digest)
);

-- What could not be judged: one row for each payload at fault; where the fault is in the source (nobody knows it, nobody
-- lives there) one row for each topic, with the last payload and ``digest`` 0.
CREATE TABLE quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reason text NOT NULL CHECK (reason <> ''),
    topic text NOT NULL, -- shortened beyond 200 characters
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
