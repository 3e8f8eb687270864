-- What the engine watches: silence, batteries, areas; and our own outages, which excuse a device's silence.

-- Nobody has filled the table yet: made again with all that a judgement needs under one lock.
DROP TABLE watches;
CREATE TABLE watches (
    device_key bigint PRIMARY KEY REFERENCES devices,
    -- As registered when the watch was last settled.
    mode text NOT NULL CHECK (mode IN ('live', 'drill')),
    organisation_id bigint NOT NULL REFERENCES organisations,
    household_id bigint REFERENCES households,
    resident_id bigint REFERENCES residents,
    silent_after interval NOT NULL,
    resting boolean NOT NULL, -- worn by somebody who is not at home: its silence says nothing
    armed_at timestamptz NOT NULL, -- silence before this does not count
    due_at timestamptz, -- when to look again: may be early, never late; none while it is silent or rests
    offline_since timestamptz, -- its last will has been read, and nothing has been heard of it since
    offline_session text,
    silent_since timestamptz, -- judged silent: last heard then, its incident is open
    judged_at timestamptz, -- and judged so then
    back_since timestamptz, -- heard again, but on and off too often to be believed at once
    recovered_at timestamptz,
    area_id bigint REFERENCES incidents, -- the incident that speaks for it now
    epoch integer NOT NULL DEFAULT 0, -- counts its silences
    battery_seen_at timestamptz, -- the measurement judged last
    battery_doubted boolean NOT NULL DEFAULT false, -- it said 0 once
    battery_low boolean NOT NULL DEFAULT false,
    CHECK (silent_since IS NOT NULL OR (judged_at IS NULL AND back_since IS NULL AND area_id IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX watches_due ON watches (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX watches_silent ON watches (judged_at) WHERE silent_since IS NOT NULL;
CREATE INDEX watches_offline ON watches (device_key) WHERE offline_since IS NOT NULL;
CREATE INDEX watches_area ON watches (area_id) WHERE area_id IS NOT NULL;
CREATE INDEX device_states_offline ON device_states (device_key) WHERE online = false;

-- Devices whose watch may no longer fit their registration: a queue, filled in the transaction of the change itself.
CREATE TABLE watches_unsettled (device_key bigint PRIMARY KEY);
INSERT INTO watches_unsettled SELECT id FROM devices;

CREATE FUNCTION unsettle_watches() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'devices' THEN
        INSERT INTO watches_unsettled VALUES (NEW.id) ON CONFLICT DO NOTHING;
    ELSIF TG_TABLE_NAME = 'device_models' THEN
        INSERT INTO watches_unsettled SELECT id FROM devices WHERE model = NEW.model ON CONFLICT DO NOTHING;
    ELSIF TG_TABLE_NAME = 'households' THEN
        INSERT INTO watches_unsettled SELECT id FROM devices WHERE household_id = NEW.id ON CONFLICT DO NOTHING;
    ELSE
        INSERT INTO watches_unsettled SELECT id FROM devices WHERE resident_id = NEW.id ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER unsettle_watches AFTER INSERT ON devices FOR EACH ROW EXECUTE FUNCTION unsettle_watches();
CREATE TRIGGER unsettle_watches_again AFTER UPDATE ON devices FOR EACH ROW
    WHEN ((OLD.model, OLD.organisation_id, OLD.household_id, OLD.resident_id, OLD.mode, OLD.retired_at) IS DISTINCT FROM
          (NEW.model, NEW.organisation_id, NEW.household_id, NEW.resident_id, NEW.mode, NEW.retired_at))
    EXECUTE FUNCTION unsettle_watches();
CREATE TRIGGER unsettle_watches AFTER UPDATE ON device_models FOR EACH ROW
    WHEN ((OLD.silent_after, OLD.kind) IS DISTINCT FROM (NEW.silent_after, NEW.kind))
    EXECUTE FUNCTION unsettle_watches();
CREATE TRIGGER unsettle_watches AFTER UPDATE ON households FOR EACH ROW
    WHEN ((OLD.organisation_id, OLD.mode, OLD.retired_at) IS DISTINCT FROM
          (NEW.organisation_id, NEW.mode, NEW.retired_at))
    EXECUTE FUNCTION unsettle_watches();
CREATE TRIGGER unsettle_watches AFTER UPDATE ON residents FOR EACH ROW
    WHEN ((OLD.state = 'home', OLD.retired_at) IS DISTINCT FROM (NEW.state = 'home', NEW.retired_at))
    EXECUTE FUNCTION unsettle_watches();

-- Times in which a lane heard nobody: from the last canary that came through to the next one. Silence does not count
-- until ``excused_until``: devices need a while to connect again and to hand in what they kept.
CREATE TABLE outages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lane text NOT NULL,
    began_at timestamptz NOT NULL, -- 'epoch': the lane had never run
    ended_at timestamptz NOT NULL,
    excused_until timestamptz NOT NULL,
    CHECK (began_at < ended_at AND ended_at <= excused_until)
);
CREATE INDEX outages_excused ON outages (excused_until);

-- Seconds of care time in a second. What depends on machines (how often a canary flies, how long connecting takes) is
-- stretched by it.
CREATE FUNCTION care_speed() RETURNS double precision LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT speed FROM care_clock), 1.0)
$$;

-- Up to when a lane is known to have heard everything: what was published before its last canary had to pass the same
-- way, ahead of it.
CREATE FUNCTION heard_until(published_at timestamptz, committed_at timestamptz) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN committed_at IS NOT NULL THEN least(published_at, committed_at) END
$$;

-- In the transaction of the canary itself: whoever sees that we hear again sees how long we did not.
CREATE FUNCTION canary_came() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before timestamptz;
    after timestamptz := heard_until(NEW.published_at, NEW.committed_at);
BEGIN
    IF TG_OP = 'UPDATE' THEN
        before := heard_until(OLD.published_at, OLD.committed_at);
    END IF;
    before := coalesce(before, 'epoch');
    IF after > before + make_interval(secs => 30 * care_speed()) THEN
        INSERT INTO outages (lane, began_at, ended_at, excused_until)
        VALUES (NEW.lane, before, after, after + make_interval(secs => 300 * care_speed()));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER canary_came AFTER INSERT OR UPDATE ON canaries FOR EACH ROW EXECUTE FUNCTION canary_came();

-- Work that one engine at a time does now and then. The row is claimed by its lock, and written with the work.
CREATE TABLE turns (
    loop text PRIMARY KEY,
    due_at timestamptz NOT NULL
);
INSERT INTO turns (loop, due_at)
SELECT unnest(ARRAY['areas', 'technical', 'coverage', 'auditor', 'upkeep']), 'epoch';

-- An area incident speaks for silent devices, never for people.
ALTER TABLE incidents ADD CONSTRAINT only_silence_is_held CHECK (area_id IS NULL OR hazard = 'device_offline');
DROP INDEX incidents_area;
CREATE INDEX incidents_of_area ON incidents (area_id) WHERE area_id IS NOT NULL;
CREATE INDEX incidents_technical ON incidents (hazard, device_key)
    WHERE state <> 'resolved' AND hazard IN ('device_offline', 'low_battery', 'area_outage');
