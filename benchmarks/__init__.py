"""Measurements, one command each; figures are kept in docs/benchmarks.md."""
