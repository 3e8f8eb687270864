-- A live call holds its number against all incidents: when to ask the provider how it stands, should nothing be heard.
ALTER TABLE calls ADD COLUMN check_at timestamptz NOT NULL DEFAULT 'infinity';
ALTER TABLE calls ALTER COLUMN check_at DROP DEFAULT;
CREATE INDEX calls_unheard ON calls (check_at) WHERE live;
CREATE INDEX calls_number ON calls (number, started_at);
