"""A Functions host for HTTP functions in Python."""
