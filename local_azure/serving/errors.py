"""The error for commands and servers that cannot start."""


class StartError(Exception):
    """A command or server cannot start. `exit_code` is the exit code of the command."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
