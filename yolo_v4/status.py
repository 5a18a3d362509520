"""status.json: one JSON object a line, as TAO writes it, for whoever watches a command from outside."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

Status = Literal["STARTED", "RUNNING", "SUCCESS", "FAILURE", "SKIPPED"]
Values = Mapping[str, Any]
FILE_NAME = "status.json"
LASTING = ("categorical", "graphical", "kpi")


class StatusLog:
    """Writes status lines; without a file it keeps quiet. `echo` is called with each message in any case.

    Example line: `{"date": "1/8/2026", "time": "9:5:0", "status": "STARTED", "verbosity": "INFO", "message": "..."}`.
    Date and time are local and not padded, as in TAO.
    """

    def __init__(
        self, path: Path | None, *, append: bool = True, echo: Callable[[str], None] | None = None
    ) -> None:
        self._path, self._echo = path, echo
        self._lasting: dict[str, Values] = {}
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.open("a" if append else "w").close()

    def write(self, status: Status, message: str, *, data: Values | None = None, **lasting: Values) -> None:
        """Add a line; what is in `LASTING` is repeated on later lines until replaced, as in TAO."""
        self._lasting |= {name: values for name, values in lasting.items() if values}
        if self._path is not None:
            kept = {name: self._lasting[name] for name in LASTING if name in self._lasting}
            stated = {"status": status, "verbosity": "INFO", "message": message}
            now = time.localtime()
            moment = {
                "date": f"{now[1]}/{now[2]}/{now[0]}",
                "time": f"{now.tm_hour}:{now.tm_min}:{now.tm_sec}",
            }
            line = json.dumps({**(data or {}), **moment, **stated, **kept})
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(line + "\n")
        if self._echo is not None:
            self._echo(message)


@contextmanager
def reported(log: StatusLog, *, started: str | None, failed: str) -> Iterator[StatusLog]:
    """Say STARTED before the work unless it does so itself, and FAILURE if it ends early; SUCCESS is its own to say."""
    try:
        if started is not None:
            log.write("STARTED", started)
        yield log
    except (KeyboardInterrupt, Exception) as error:
        log.write("FAILURE", failed if isinstance(error, KeyboardInterrupt) else str(error))
        raise


def status_path(results_dir: str | None) -> Path | None:
    """Where a command writes its status, or None where it was given no results folder."""
    return Path(results_dir) / FILE_NAME if results_dir else None
