"""From the broker into the database: decode, judge, commit, then acknowledge."""
