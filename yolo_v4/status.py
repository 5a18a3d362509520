"""status.json: one JSON object a line, as TAO writes it, for whoever watches a command from outside."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from yolo_v4.errors import DetectorError

Status = Literal["STARTED", "RUNNING", "SUCCESS", "FAILURE", "SKIPPED"]
FILE_NAME = "status.json"


class StatusLog:
    """Writes status lines; without a file it keeps quiet.

    Args:
        path: the file, or None; its folder is made.
        append: go on after what an earlier command wrote, else start afresh.
        echo: also called with each message, whether or not there is a file.

    Example line: `{"date": "1/8/2026", "time": "9:5:0", "status": "STARTED", "verbosity": "INFO", "message": "..."}`.
    Date and time are local and not padded, as in TAO.
    """

    def __init__(self, path: Path | None, *, append: bool = True, echo: Callable[[str], None] | None = None) -> None:
        self._path = path
        self._echo = echo
        self._lasting: dict[str, Mapping[str, Any]] = {}
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.open("a" if append else "w").close()

    def write(
        self,
        status: Status,
        message: str,
        *,
        data: Mapping[str, Any] | None = None,
        kpi: Mapping[str, Any] | None = None,
        graphical: Mapping[str, Any] | None = None,
        categorical: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a line; `kpi`, `graphical` and `categorical` are repeated on later lines until replaced, as in TAO."""
        for name, values in (("categorical", categorical), ("graphical", graphical), ("kpi", kpi)):
            if values:
                self._lasting[name] = values
        if self._path is not None:
            lasting = {
                name: self._lasting[name] for name in ("categorical", "graphical", "kpi") if name in self._lasting
            }
            stated = {"status": status, "verbosity": "INFO", "message": message}
            line = json.dumps({**(data or {}), **_now(), **stated, **lasting})
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(line + "\n")
        if self._echo is not None:
            self._echo(message)


@contextmanager
def reported(log: StatusLog, *, started: str | None, failed: str) -> Iterator[StatusLog]:
    """Say STARTED before the work, and FAILURE when it does not come to its end; SUCCESS is the work's own to say.

    Args:
        log: where to write.
        started: the first message, or None where the work says it itself.
        failed: what is written when the user or the system interrupts, such as `Training was interrupted`.
    """
    try:
        if started is not None:
            log.write("STARTED", started)
        yield log
    except DetectorError as error:
        log.write("FAILURE", error.message)
        raise
    except KeyboardInterrupt:
        log.write("FAILURE", failed)
        raise
    except Exception as error:
        log.write("FAILURE", str(error))
        raise


def status_path(results_dir: str | None) -> Path | None:
    """Where a command writes its status, or None where it was given no results folder."""
    return Path(results_dir) / FILE_NAME if results_dir else None


def _now() -> dict[str, str]:
    now = time.localtime()
    return {
        "date": f"{now.tm_mon}/{now.tm_mday}/{now.tm_year}",
        "time": f"{now.tm_hour}:{now.tm_min}:{now.tm_sec}",
    }
