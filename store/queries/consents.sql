-- name: of_resident
-- Every declaration of a resident.
SELECT c.purpose, c.recipient, c.valid_from, c.valid_until, c.withdrawn_at
FROM consents c WHERE c.resident_id = %(resident_id)s;
