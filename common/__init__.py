"""What both functions share: settings, problems, how a bearer token is read, and one careful HTTP request."""
