-- Upkeep looks for findings whose time is over.

CREATE INDEX findings_recorded ON findings (recorded_at);
