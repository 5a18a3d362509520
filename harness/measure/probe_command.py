"""The probe, a program of its own: how it is started, and its answers."""

import json
import subprocess
import sys
from typing import IO, Any

from harness.engine.find import python_environment
from harness.errors import DataError

PROBE = (sys.executable, "-m", "probe")


def ask_probe(*words: str, stdin: IO[bytes] | None = None) -> Any:
    """What `python -m probe WORD… --json` answers, parsed; `stdin` becomes its standard input.

    Raises:
        DataError: it could not do that; with the message and the remedy that it gave.
    """
    argv = [*PROBE, *words, "--json"]
    answer = subprocess.run(
        argv, env=python_environment("probe"), stdin=stdin, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        message, _, remedy = answer.stderr.strip().removeprefix("probe: ").partition("\n  try: ")
        raise DataError(message, remedy=remedy or f"run it alone: {' '.join(argv)}")
    return json.loads(answer.stdout)
