-- name: append
-- One entry: what happened, why, by whom.
INSERT INTO timeline (incident_id, at, kind, reason, actor, detail)
VALUES (%(incident_id)s, %(at)s, %(kind)s, %(reason)s, %(actor)s, %(detail)s);

-- name: append_many
-- Several entries in their order.
INSERT INTO timeline (incident_id, at, kind, reason, actor, detail)
SELECT r.incident_id, %(at)s, r.kind, r.reason, r.actor, r.detail
FROM ROWS FROM (jsonb_to_recordset(%(rows)s) AS (
    incident_id bigint, kind text, reason text, actor text, detail jsonb)) WITH ORDINALITY AS r(
    incident_id, kind, reason, actor, detail, n)
ORDER BY r.n;

-- name: entries
-- An incident's timeline in order.
SELECT id, at, kind, reason, actor, detail FROM timeline WHERE incident_id = %(incident_id)s ORDER BY id;

-- name: newest
-- The number of the newest entry on an incident's timeline.
SELECT max(id) FROM timeline WHERE incident_id = %(incident_id)s;
