"""What a saved agent knew after each glimpse."""

from explain.intervals import Bootstrap, Estimate

__all__ = ["Bootstrap", "Estimate"]
