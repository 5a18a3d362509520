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

import os
from collections.abc import Sequence

from harness.own_files import IS_INSTALLED

OURS = ("harness", "probe", "made_frames", "yolo_v4")


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


def cannot_import(error: ImportError) -> HarnessError:
    """What to say of a package of others that is not there, or was made for another Python.

    Raises:
        ImportError: it is a module of ours, which no user can cause.
    """
    if (error.name or "").partition(".")[0] in OURS:
        raise error
    cause: BaseException = error
    while cause.__cause__ is not None:  # numpy's own words fill a page, and the reason is behind them
        cause = cause.__cause__
    path = os.environ.get("PYTHONPATH")
    remedy = "make, which installs what is needed; or pip install -e . in the checkout"
    if IS_INSTALLED:
        remedy = "pip install jamcam-harness, with the extras that docs/package.md names"
    if path:
        remedy = f"unset PYTHONPATH ({path}), whose packages come before the installed ones; else {remedy}"
    return HarnessError(f"a package cannot be imported: {cause}", remedy=remedy)
