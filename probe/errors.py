"""What the probe cannot do, in words that a person can act on; only `probe.cli` prints them."""

USAGE = 2
NOT_EXECUTABLE = 126  # as shells have it
NOT_FOUND = 127


class ProbeError(Exception):
    """A failure that a person can act on.

    Args:
        message: what was found, what was expected, and where.
        remedy: the next command or step, in the imperative.
        exit_status: what the probe ends with.
    """

    def __init__(self, message: str, *, remedy: str, exit_status: int = USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.exit_status = exit_status
