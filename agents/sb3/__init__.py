"""Where agents meet Stable-Baselines3."""
