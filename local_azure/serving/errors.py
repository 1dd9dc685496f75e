"""The error of everything that cannot start."""


class StartError(Exception):
    """Something cannot start. The message is one sentence with a remedy."""
