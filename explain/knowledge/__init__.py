"""What an agent knew after each glimpse."""
