"""Code that both functions use: settings, problems, bearer token extraction, and objects shared on the event loop."""
