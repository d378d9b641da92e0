"""The recurrent policy and its networks."""
