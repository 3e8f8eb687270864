"""Wire formats shared by ingest and simulator, sans-io."""
