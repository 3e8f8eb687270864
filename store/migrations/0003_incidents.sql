-- Alarms, incidents and their timelines, plans, notifications, calls, answers, receipts.

CREATE TABLE plans (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id bigint REFERENCES organisations, -- none: for everyone
    hazard text NOT NULL,
    version integer NOT NULL,
    plan jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (organisation_id, hazard, version)
);

CREATE SEQUENCE incident_numbers AS integer MINVALUE 1 MAXVALUE 99999 CYCLE;

CREATE TABLE incidents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number integer NOT NULL DEFAULT nextval('incident_numbers'), -- short, for replies
    mode text NOT NULL CHECK (mode IN ('live', 'drill')),
    subject_kind text NOT NULL CHECK (subject_kind IN ('resident', 'household', 'device', 'organisation', 'source')),
    subject_id text NOT NULL CHECK (subject_id <> ''),
    hazard text NOT NULL CHECK (hazard IN (
        'sos', 'fall', 'smoke', 'heat', 'gas', 'co', 'water', 'intrusion', 'inactivity', 'wander', 'vitals', 'tamper',
        'device_offline', 'low_battery', 'area_outage', 'unclear', 'nobody_reached', 'platform')),
    severity smallint NOT NULL CHECK (severity BETWEEN 1 AND 5),
    organisation_id bigint NOT NULL REFERENCES organisations, -- whose it is
    level_id bigint NOT NULL REFERENCES organisations, -- who handles it now
    household_id bigint REFERENCES households,
    resident_id bigint REFERENCES residents,
    device_key bigint REFERENCES devices, -- that spoke first
    area_id bigint REFERENCES incidents, -- the area incident that holds this one's notifications
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'acknowledged', 'on_scene', 'resolved')),
    opened_at timestamptz NOT NULL,
    acknowledged_at timestamptz,
    on_scene_at timestamptz,
    resolved_at timestamptz,
    outcome text CHECK (outcome IN (
        'emergency', 'assistance', 'false_alarm', 'test', 'technical', 'cannot_confirm', 'recovered')),
    resolved_by text,
    plan_id bigint REFERENCES plans, -- of the round that runs
    round integer NOT NULL DEFAULT 0, -- 0: nobody has looked at it yet
    round_started_at timestamptz,
    step integer NOT NULL DEFAULT 0,
    step_started_at timestamptz,
    reminded_at timestamptz,
    taken_by text,
    taken_until timestamptz,
    alarms integer NOT NULL DEFAULT 1,
    last_alarm_at timestamptz NOT NULL,
    reasserted_at timestamptz, -- a new event after acceptance, not yet dealt with
    reask_until timestamptz, -- those who accepted are being asked again until then
    next_step_at timestamptz,
    CONSTRAINT every_unresolved_state_has_a_deadline CHECK ((state = 'resolved') = (next_step_at IS NULL)),
    CONSTRAINT no_silent_end CHECK (
        (state = 'resolved') = (resolved_at IS NOT NULL AND outcome IS NOT NULL AND resolved_by IS NOT NULL)
        AND (outcome IS DISTINCT FROM 'recovered' OR severity = 5)
        AND (resolved_by IS DISTINCT FROM 'system' OR outcome = 'recovered')),
    CHECK (state IN ('open', 'resolved') OR acknowledged_at IS NOT NULL),
    CHECK (state <> 'on_scene' OR on_scene_at IS NOT NULL)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX one_unresolved_incident ON incidents (mode, subject_kind, subject_id, hazard)
    WHERE state <> 'resolved';
CREATE INDEX incidents_due ON incidents (next_step_at) WHERE state <> 'resolved';
CREATE INDEX incidents_household ON incidents (household_id) WHERE state <> 'resolved';
CREATE INDEX incidents_area ON incidents (area_id) WHERE state <> 'resolved' AND area_id IS NOT NULL;
CREATE INDEX incidents_opened ON incidents (opened_at);
CREATE INDEX incidents_number ON incidents (number);

CREATE TABLE alarms (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL, -- device_id, or the topic of a device that nobody knows, or the rule that found it
    identity text NOT NULL, -- (event id, state, at) as the source states them; see ingest
    device_key bigint REFERENCES devices,
    event_id text, -- as the device named it: receipts carry it
    hazard text NOT NULL,
    state text NOT NULL CHECK (state IN ('raised', 'cleared', 'test')),
    mode text NOT NULL CHECK (mode IN ('live', 'drill')),
    at timestamptz, -- by the device's clock, if it has one
    received_at timestamptz NOT NULL,
    digest integer NOT NULL,
    payload bytea NOT NULL,
    faults text[] NOT NULL DEFAULT '{}',
    repeats integer NOT NULL DEFAULT 0,
    UNIQUE (source, identity)
);
CREATE INDEX alarms_device ON alarms (device_key, received_at);
CREATE INDEX alarms_source ON alarms (source, received_at);

CREATE TABLE incident_alarms (
    alarm_id bigint PRIMARY KEY REFERENCES alarms,
    incident_id bigint NOT NULL REFERENCES incidents
);
CREATE INDEX incident_alarms_incident ON incident_alarms (incident_id);

-- Every raised alarm is attached to exactly one incident, by the end of its transaction.
CREATE FUNCTION alarm_is_attached() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM incident_alarms WHERE alarm_id = NEW.id) THEN
        RAISE EXCEPTION 'alarm % of % is raised and attached to no incident', NEW.identity, NEW.source
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER alarm_is_attached AFTER INSERT ON alarms DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.state = 'raised') EXECUTE FUNCTION alarm_is_attached();

CREATE TABLE timeline (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id bigint NOT NULL REFERENCES incidents,
    at timestamptz NOT NULL,
    kind text NOT NULL CHECK (kind <> ''),
    reason text NOT NULL CHECK (reason <> ''),
    actor text NOT NULL DEFAULT 'system',
    detail jsonb NOT NULL DEFAULT '{}' -- ids and figures; personal text stands in ``notes``
);
CREATE INDEX timeline_incident ON timeline (incident_id, id);

CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON timeline
    FOR EACH ROW EXECUTE FUNCTION append_only();

CREATE TABLE notes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id bigint NOT NULL REFERENCES incidents,
    at timestamptz NOT NULL,
    author text NOT NULL,
    body text, -- personal; erased when its time is over
    erased_at timestamptz,
    CHECK ((body IS NULL) = (erased_at IS NOT NULL))
);
CREATE INDEX notes_incident ON notes (incident_id);

CREATE TABLE participations (
    incident_id bigint NOT NULL REFERENCES incidents,
    responder_id bigint NOT NULL REFERENCES responders,
    accepted_at timestamptz,
    declined_at timestamptz,
    arrived_at timestamptz,
    by text NOT NULL, -- who said so: the responder, or an operator for her
    via text NOT NULL CHECK (via IN ('voice', 'sms', 'link', 'console', 'api')),
    PRIMARY KEY (incident_id, responder_id),
    CHECK (accepted_at IS NOT NULL OR declined_at IS NOT NULL OR arrived_at IS NOT NULL)
);
CREATE INDEX participations_responder ON participations (responder_id);

CREATE TABLE calls (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number text NOT NULL,
    mode text NOT NULL CHECK (mode IN ('live', 'drill')),
    live boolean NOT NULL DEFAULT true,
    provider_ref text UNIQUE, -- the provider's id of the call
    status text NOT NULL DEFAULT 'starting',
    answered_by text,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    CHECK (live = (ended_at IS NULL))
);
-- One live call per phone number, over all incidents.
CREATE UNIQUE INDEX one_live_call ON calls (number) WHERE live;

CREATE TABLE notifications (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id bigint NOT NULL REFERENCES incidents,
    responder_id bigint REFERENCES responders, -- none: the resident herself
    contact_id bigint REFERENCES contacts,
    channel text NOT NULL CHECK (channel IN ('voice', 'sms', 'webhook', 'console')),
    address text NOT NULL,
    language text NOT NULL CHECK (language IN ('zh-CN', 'en')),
    purpose text NOT NULL CHECK (purpose IN ('ask', 'ask_again', 'remind', 'check_well', 'inform')),
    circle text NOT NULL,
    round integer NOT NULL,
    step integer NOT NULL,
    severity smallint NOT NULL,
    sequence integer NOT NULL DEFAULT 0, -- the how-manieth message to this person in this step
    token text NOT NULL UNIQUE, -- of the link, and of the call-backs
    state text NOT NULL DEFAULT 'pending' CHECK (state IN (
        'pending', 'sending', 'sent', 'delivered', 'failed', 'cancelled')),
    failure text CHECK (failure IN (
        'no_answer', 'busy', 'voicemail', 'no_key', 'refused_by_provider', 'undelivered', 'no_receipt',
        'cancelled_by_us')),
    answer text CHECK (answer IN ('accept', 'decline', 'arrive', 'close', 'take', 'well')),
    answered_at timestamptz,
    call_id bigint REFERENCES calls,
    announced_at timestamptz, -- spoken in its call
    provider_ref text, -- the provider's id of the message
    provider_status text,
    provider_error text,
    attempts integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    sent_at timestamptz,
    delivered_at timestamptz,
    receipt_due_at timestamptz, -- no receipt by then: the next channel of the same person
    lease_until timestamptz, -- machine time
    fence bigint NOT NULL DEFAULT 0,
    CHECK (responder_id IS NOT NULL OR purpose = 'check_well'),
    CHECK (state <> 'failed' OR failure IS NOT NULL),
    CHECK (state NOT IN ('sent', 'delivered') OR sent_at IS NOT NULL),
    CHECK (state <> 'delivered' OR delivered_at IS NOT NULL),
    CHECK ((answer IS NULL) = (answered_at IS NULL)),
    CHECK ((state = 'sending') = (lease_until IS NOT NULL)),
    UNIQUE NULLS NOT DISTINCT (incident_id, round, step, purpose, responder_id, sequence)
) WITH (fillfactor = 70);
CREATE INDEX notifications_pending ON notifications (severity, due_at) WHERE state = 'pending';
CREATE INDEX notifications_sending ON notifications (lease_until) WHERE state = 'sending';
CREATE INDEX notifications_receipt ON notifications (receipt_due_at)
    WHERE state = 'sent' AND receipt_due_at IS NOT NULL;
CREATE INDEX notifications_incident ON notifications (incident_id);
CREATE INDEX notifications_call ON notifications (call_id) WHERE call_id IS NOT NULL;
CREATE INDEX notifications_address ON notifications (address, created_at);
CREATE UNIQUE INDEX notifications_provider ON notifications (provider_ref) WHERE provider_ref IS NOT NULL;

-- Which move may follow which; the same table stands in domain/notification.py, and a test compares them.
CREATE FUNCTION legal_notification_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (OLD.state, NEW.state) IN (
        ('pending', 'sending'), ('pending', 'cancelled'),
        ('sending', 'pending'), ('sending', 'sent'), ('sending', 'failed'), ('sending', 'cancelled'),
        ('sent', 'delivered'), ('sent', 'failed'), ('sent', 'cancelled'), ('sent', 'pending'),
        ('delivered', 'failed'), ('failed', 'delivered'), ('cancelled', 'delivered')
    ) THEN
        RAISE EXCEPTION 'notification % cannot go from % to %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER legal_notification_move BEFORE UPDATE OF state ON notifications
    FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION legal_notification_move();

-- What a device, and so the resident, is to be told. ``stored`` is sent by ingest itself.
CREATE TABLE receipts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alarm_id bigint NOT NULL REFERENCES alarms,
    stage text NOT NULL CHECK (stage IN ('notified', 'accepted', 'resolved')),
    by text NOT NULL DEFAULT '', -- in the resident's words
    at timestamptz NOT NULL,
    sent_at timestamptz,
    UNIQUE (alarm_id, stage, by)
);
CREATE INDEX receipts_unsent ON receipts (id) WHERE sent_at IS NULL;

-- Exclusive roles (a partition's session, a single loop). Machine time.
CREATE TABLE leases (
    name text PRIMARY KEY,
    holder text NOT NULL,
    fence bigint NOT NULL DEFAULT 1,
    until timestamptz NOT NULL
);

-- To be called first in every transaction that needs the lease. Whoever takes a lease over waits for the exclusive lock
-- of the same number, so that no transaction of the former holder commits after that; renewing needs no lock at all.
CREATE FUNCTION hold_lease(lease text, owner text, number bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('lease ' || lease, 0));
    IF NOT EXISTS (SELECT FROM leases WHERE name = lease AND holder = owner AND fence = number) THEN
        RAISE EXCEPTION 'lease % is not held by % any more', lease, owner
            USING ERRCODE = 'CW001', TABLE = lease, COLUMN = owner;
    END IF;
END $$;

-- Care time = anchor_care + (server time - anchor_server) * speed; without a row, the server's own clock.
CREATE TABLE care_clock (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    anchor_server timestamptz NOT NULL,
    anchor_care timestamptz NOT NULL,
    speed double precision NOT NULL CHECK (speed > 0)
);
CREATE FUNCTION care_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(
        (SELECT anchor_care + (clock_timestamp() - anchor_server) * speed FROM care_clock), clock_timestamp())
$$;
