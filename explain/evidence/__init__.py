"""Metrics that test an explanation, each beside its nulls."""
