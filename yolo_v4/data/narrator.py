"""The messages of a conversion: log lines in TAO's form, and lines in status.json."""

import sys
import time
from collections.abc import Mapping
from typing import Any

from yolo_v4.status import Status, StatusLog

# TAO's name, so that a search for lines of TAO's log finds them here.
LOGGERS = "nvidia_tao_tf1.cv.detectnet_v2.dataio"


class Narrator:
    """Writes messages to standard error and to a status log."""

    def __init__(self, status: StatusLog, *, verbose: bool) -> None:
        self.status = status
        self._verbose = verbose

    def log(self, module: str, text: str) -> None:
        """Write a line of a module's logger."""
        line(text, logger=f"{LOGGERS}.{module}")

    def tell(self, module: str, text: str, status: Status = "RUNNING", **values: Mapping[str, Any]) -> None:
        """Write a line of a module's logger, and the same text into the status log."""
        self.log(module, text)
        self.status.write(status, text, **values)

    def debug(self, module: str, text: str) -> None:
        """Write a line of a module's logger if the command is verbose."""
        if self._verbose:
            line(text, logger=f"{LOGGERS}.{module}", level="DEBUG")


def line(text: str, *, logger: str = "root", level: str = "INFO") -> None:
    """Write a line of a logger to standard error; "root" is the one that repeats status messages."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
    print(f"{stamp},{int(now * 1000) % 1000:03d} - {logger} - {level} - {text}", file=sys.stderr, flush=True)
