-- What the upkeep of the registry needs: numbers that are given up, and passwords that mosquitto understands.

-- A contact that is struck off is gone; what was sent to it stays on the record, with the address it went to.
ALTER TABLE notifications
    DROP CONSTRAINT notifications_contact_id_fkey,
    ADD CONSTRAINT notifications_contact_id_fkey FOREIGN KEY (contact_id) REFERENCES contacts ON DELETE SET NULL;
CREATE INDEX notifications_contact ON notifications (contact_id) WHERE contact_id IS NOT NULL;

-- The same broker password as credential_hash, as mosquitto keeps it (PBKDF2, SHA-512): no hash suits both brokers.
ALTER TABLE devices ADD COLUMN credential_pbkdf2 text;

-- Whether real people may be called follows from the home: its devices never lag behind.
CREATE FUNCTION devices_follow_home() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE devices SET mode = NEW.mode WHERE household_id = NEW.id AND mode <> NEW.mode;
    RETURN NULL;
END $$;
CREATE TRIGGER devices_follow_home AFTER UPDATE OF mode ON households
    FOR EACH ROW WHEN (OLD.mode <> NEW.mode) EXECUTE FUNCTION devices_follow_home();
