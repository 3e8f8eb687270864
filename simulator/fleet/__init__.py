"""Simulated devices: what a home is equipped with, what its devices do in a day, and how they say it."""
