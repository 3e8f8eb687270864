"""People and decisions; pure."""
