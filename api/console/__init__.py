"""The duty desk, served by its own process."""
