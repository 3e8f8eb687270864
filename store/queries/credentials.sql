-- name: set_credentials
-- The hashes of new broker passwords of devices in use.
UPDATE devices d
SET credential_hash = r.bcrypt, credential_pbkdf2 = r.pbkdf2, version = d.version + 1
FROM jsonb_to_recordset(%(rows)s) AS r(device_id text, bcrypt text, pbkdf2 text)
WHERE d.device_id = r.device_id AND d.retired_at IS NULL
RETURNING d.device_id;

-- name: broker_users
-- Every device in use that has a broker password, and what it may speak about.
SELECT d.device_id, d.cell, m.protocol, d.address, d.credential_hash, d.credential_pbkdf2
FROM devices d JOIN device_models m ON m.model = d.model
WHERE d.retired_at IS NULL AND d.credential_hash IS NOT NULL
ORDER BY d.device_id;

-- name: without_credentials
-- Devices in use that have no broker password yet.
SELECT d.device_id FROM devices d
WHERE d.retired_at IS NULL AND d.credential_hash IS NULL
ORDER BY d.device_id;
