"""Every deliberate failure of the detector, each with a remedy; all end with exit status 1, as in TAO.

Usage errors of the command line are argparse's, exit 2. `yolo_v4.cli` is the only place that prints them.
"""


class DetectorError(Exception):
    """A failure that a person can act on: `message` tells what was found and expected, `remedy` the next step."""

    exit_status = 1

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message, self.remedy = message, remedy


class SpecError(DetectorError):
    """A spec file is wrong."""


class DataError(DetectorError):
    """A picture, label, record or checkpoint is not what it should be."""


class TrainingFailed(DetectorError):
    """A network cannot work or go on: the loss is not a number, memory ran out, a GPU is not there."""
