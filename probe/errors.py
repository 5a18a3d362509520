"""What the probe cannot do, in words that a person can act on."""


class ProbeError(Exception):
    """A failure with what was found and expected (`message`) and the next step (`remedy`)."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
