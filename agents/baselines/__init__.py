"""What trained agents are compared with."""
