"""Launchers for an embedded PostgreSQL and nats-server."""
