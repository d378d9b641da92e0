"""Frames and animations of an episode."""
