-- Since when a device is bound as it is: what it measured before belongs to whoever had it then.

ALTER TABLE devices ADD COLUMN bound_at timestamptz;
UPDATE devices SET bound_at = registered_at;
ALTER TABLE devices ALTER COLUMN bound_at SET NOT NULL;
