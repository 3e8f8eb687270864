"""What a run has shown: as a table, as JSON, and as one page of HTML that needs nothing beside it."""
