"""A verdict has three values, and "cannot tell" never passes for yes."""

from enum import Enum


class Verdict(Enum):
    """What is known about a question; the value is the word that people read."""

    YES = "yes"
    NO = "no"
    CANNOT_TELL = "cannot tell"
