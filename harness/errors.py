"""Every deliberate failure of the harness, each with a remedy and an exit status.

    HarnessError            1   a stage or a check failed
      DataError             1   an archive, picture or label is not what it should be
      StageFailed           1   a stage ran and did not make what it promised
      ConfigError           2   a setting, spec, recipe or data-set file is wrong
      Refused               3   a gate or a reproduction said no
      Locked                4   another run holds the workspace
      CannotTell            5   what was asked cannot be answered from what is there

`harness.cli` is the only place that prints them; `Interrupted by signal n` ends as 128 + n there.
"""

from collections.abc import Sequence


class HarnessError(Exception):
    """A failure that a person can act on.

    Args:
        message: what was found, what was expected, and where.
        remedy: the next command or step, in the imperative.
    """

    exit_status = 1
    others: "tuple[HarnessError, ...]" = ()  # that happened beside it

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class DataError(HarnessError):
    """An archive, picture or label is not what it should be."""


class StageFailed(HarnessError):
    """A stage ran and did not make what it promised."""


class ConfigError(HarnessError):
    """A setting, spec, recipe, platform or data-set file is wrong."""

    exit_status = 2


class Refused(HarnessError):
    """A gate said worse, or a reproduction that it is not the same."""

    exit_status = 3


class Locked(HarnessError):
    """Another run holds the workspace."""

    exit_status = 4


class CannotTell(HarnessError):
    """What was asked cannot be answered, with yes or with no, from what is there."""

    exit_status = 5


def raise_first(errors: Sequence[HarnessError]) -> None:
    """Raise the first of several errors, with the others beside it; nothing where there are none."""
    if errors:
        first, *others = errors
        first.others = tuple(others)
        raise first
