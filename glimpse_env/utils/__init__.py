"""Errors and archives, which know nothing of glimpses."""
