"""What both functions share: settings, problems and one careful HTTP request."""
