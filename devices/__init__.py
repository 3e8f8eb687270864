"""What devices are and what they say; pure."""
