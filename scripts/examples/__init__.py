"""Other libraries' algorithms on the ids of this package, one library a file."""
