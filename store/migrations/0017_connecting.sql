-- Operators are connected with somebody by telephone: the platform calls her own, and bridges it when she answers.

ALTER TABLE users ADD phone text CHECK (phone ~ '^\+[0-9]{7,15}$'); -- her own, at which she wants to be called

ALTER TABLE notifications
    ADD operator text CHECK (operator <> ''), -- the account that is called
    ADD connect_to text CHECK (connect_to ~ '^\+[0-9]{7,15}$'), -- the number to which she is bridged
    ADD connect_with bigint REFERENCES responders, -- whose number that is; none: the resident's or the home's
    DROP CONSTRAINT notifications_purpose_check,
    ADD CONSTRAINT notifications_purpose_check CHECK (purpose IN (
        'ask', 'ask_again', 'remind', 'check_well', 'inform', 'connect')),
    DROP CONSTRAINT notifications_check,
    ADD CONSTRAINT somebody_is_reached CHECK (responder_id IS NOT NULL OR purpose IN ('check_well', 'connect')),
    ADD CONSTRAINT operators_are_connected CHECK (
        CASE WHEN purpose = 'connect'
             THEN channel = 'voice' AND responder_id IS NULL AND operator IS NOT NULL AND connect_to IS NOT NULL
             ELSE operator IS NULL AND connect_to IS NULL AND connect_with IS NULL END);
