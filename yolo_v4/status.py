"""status.json: one JSON object a line, as TAO writes it, for other programs that follow a command."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

Status = Literal["STARTED", "RUNNING", "SUCCESS", "FAILURE", "SKIPPED"]
Values = Mapping[str, Any]
FILE_NAME = "status.json"
LASTING = ("categorical", "graphical", "kpi")


class StatusLog:
    """Writes lines into a status file, if there is one, and calls `echo` with each message.

    An example of a line:
    `{"date": "1/8/2026", "time": "9:5:0", "status": "STARTED", "verbosity": "INFO", "message": "..."}`
    Date and time are local and not padded with zeros, as in TAO.
    """

    def __init__(
        self, path: Path | None, *, append: bool = True, echo: Callable[[str], None] | None = None
    ) -> None:
        self._path = path
        self._echo = echo
        self._lasting: dict[str, Values] = {}
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab+" if append else "wb") as stream:
                if append and _is_cut(stream):
                    stream.write(b"\n")  # else our first line would be lost with that one

    def write(self, status: Status, message: str, *, data: Values | None = None, **lasting: Values) -> None:
        """Add a line; the values named in `LASTING` are repeated on later lines until replaced, as in TAO."""
        self._lasting |= {name: values for name, values in lasting.items() if values}
        if self._path is not None:
            kept = {name: self._lasting[name] for name in LASTING if name in self._lasting}
            stated = {"status": status, "verbosity": "INFO", "message": message}
            now = time.localtime()
            moment = {
                "date": f"{now.tm_mon}/{now.tm_mday}/{now.tm_year}",
                "time": f"{now.tm_hour}:{now.tm_min}:{now.tm_sec}",
            }
            line = json.dumps({**(data or {}), **moment, **stated, **kept})
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(line + "\n")
        if self._echo is not None:
            self._echo(message)


def _is_cut(stream: IO[bytes]) -> bool:
    """Whether the last line of a file has no end, as where a process was killed or the disk was full."""
    end = stream.seek(0, os.SEEK_END)
    if not end:
        return False
    stream.seek(end - 1)
    return stream.read(1) != b"\n"


@contextmanager
def reported(log: StatusLog, *, started: str | None, failed: str) -> Iterator[StatusLog]:
    """Write STARTED before the work in the context, and FAILURE if it raises; SUCCESS is left to the work.

    `started`: the message, or None where the work writes STARTED itself; `failed`: the message of an
    interruption.
    """
    try:
        if started is not None:
            log.write("STARTED", started)
        yield log
    except (KeyboardInterrupt, Exception) as error:
        log.write("FAILURE", failed if isinstance(error, KeyboardInterrupt) else str(error))
        raise


def status_path(results_dir: str | None) -> Path | None:
    """The status file of a command, or None where it was given no results folder."""
    return Path(results_dir) / FILE_NAME if results_dir else None
