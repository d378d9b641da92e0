"""Figures of the tests of an explanation."""
