"""From a signal to a human being."""
