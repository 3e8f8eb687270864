"""Emergencies that the simulator causes, each with the truth about it: what the platform must find, where, by when."""
