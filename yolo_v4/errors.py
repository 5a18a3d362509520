"""The errors that the detector raises on purpose, each with a remedy; the exit status is 1, as in TAO.

Of `predict`, which TAO lacks, it is 5 where something could not be read.

`yolo_v4.cli` is the only place that prints them. Usage errors of the command line are argparse's, with exit
status 2.
"""

import re

# Words of the C library (ENOMEM), its loader, Python, PyTorch (CPU, CUDA, cuBLAS) and onnxruntime, each of
# which has exceptions of its own.
OUT_OF_MEMORY = re.compile(
    "(can't|cannot|could not|failed to) allocate|failed to map segment"
    "|bad_alloc|alloc_failed|out of memory|can't start new thread",
    re.IGNORECASE,
)


class DetectorError(Exception):
    """An error that the user can fix: `message` says what was found and expected, `remedy` what to do."""

    exit_status = 1

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class SpecError(DetectorError):
    """A spec file is wrong."""


class DataError(DetectorError):
    """A picture, label, record or checkpoint is not what it should be."""


class Incomplete(DetectorError):
    """Everything that could be read was done, and something could not: what was asked for cannot be told."""

    exit_status = 5


class TrainingFailed(DetectorError):
    """A network cannot be used or trained: the loss is not a number, memory ran out, there is no such GPU."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, whoever says so."""
    return isinstance(error, MemoryError) or bool(OUT_OF_MEMORY.search(str(error)))
