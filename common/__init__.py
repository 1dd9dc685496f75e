"""What both functions share: settings, problems, and how a bearer token is read."""
