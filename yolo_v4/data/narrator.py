"""What a conversion tells: log lines for people in TAO's form, status lines for programs."""

import sys
import time
from collections.abc import Mapping
from typing import Any

from yolo_v4.status import Status, StatusLog

# Kept, so that whoever searches TAO's log finds the same lines here.
LOGGERS = "nvidia_tao_tf1.cv.detectnet_v2.dataio"


class Narrator:
    """Writes to standard error and to a status log that echoes to `line` if it has a file, as TAO's does."""

    def __init__(self, status: StatusLog, *, verbose: bool) -> None:
        self.status, self._verbose = status, verbose

    def log(self, module: str, text: str) -> None:
        """A line of a module's logger."""
        line(text, logger=f"{LOGGERS}.{module}")

    def tell(self, module: str, text: str, status: Status = "RUNNING", **values: Mapping[str, Any]) -> None:
        """A line of a module's logger, and the same in the status log."""
        self.log(module, text)
        self.status.write(status, text, **values)

    def debug(self, module: str, text: str) -> None:
        """A line that only the curious see."""
        if self._verbose:
            line(text, logger=f"{LOGGERS}.{module}", level="DEBUG")


def line(text: str, *, logger: str = "root", level: str = "INFO") -> None:
    """A line of a logger; "root" repeats status messages."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
    print(f"{stamp},{int(now * 1000) % 1000:03d} - {logger} - {level} - {text}", file=sys.stderr, flush=True)
