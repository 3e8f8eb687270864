"""Simulated residents: who they are, and how they spend a day. Pure: the same seed, the same lives, to the byte."""
