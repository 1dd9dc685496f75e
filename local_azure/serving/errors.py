"""The error of everything that cannot start."""


class StartError(Exception):
    """Something cannot start. The message is one sentence with a remedy; `exit_code` is the command's."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
