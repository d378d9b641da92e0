"""Expected information gain."""
