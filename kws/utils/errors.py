"""The one exception that reaches a person."""


class KwsError(Exception):
    """Something that the user can put right; the message is one line that says what to do.

    The command line prints the message on standard error without a traceback and exits with
    ``exit_code``: 1 when the work failed, 2 when the request itself was wrong.
    """

    def __init__(self, message: str, exit_code: int = 1):
        super().__init__(message)
        self.exit_code = exit_code
