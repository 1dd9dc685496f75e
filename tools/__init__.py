"""Command-line tools for operators: show a token, assign a role, find a fault. They are deployed with the app."""
