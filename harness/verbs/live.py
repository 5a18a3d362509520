"""What a run is doing now, for whoever watches it: how busy the machine is, and the last lines of its log.

The probe watches the process that holds the workspace, where that is on this machine, and ends with us.
"""

import contextlib
import math
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from harness.measure.probe_command import PROBE
from harness.stages.activity import stages_at_work
from harness.text import last_lines, number, one_line
from harness.verdict import Verdict
from harness.workspace.layout import LOG, Workspace
from harness.workspace.lock import holder_of, is_alive
from probe.samples import SamplesError, read_columns

GIB = 2**30
LINES = 3  # of the log of a stage
HZ = 1.0
MOST_SAMPLES = 900  # then the probe starts anew: all of its file is read at each look
PATIENCE_S = 5.0


class Live:
    """Lines for each look; the probe runs while there is a run to be watched."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._pid = 0
        self._probe: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> "Live":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def lines(self) -> list[str]:
        """What goes on; empty where nobody works."""
        holder = holder_of(self._workspace)
        if holder is None:
            self._end()
            return []
        lines = []
        if is_alive(holder, lambda job: False) is Verdict.YES:
            self._watch(holder.pid)
            lines.append(f"  {self._utilisation()}")
        else:
            self._end()
            lines.append("  utilisation: cannot tell, its process is not seen on this machine")
        for stage, folder in stages_at_work(self._workspace).items():
            lines += [f"  {stage} | {one_line(line)}" for line in last_lines(folder / LOG)[-LINES:]]
        return lines

    def _utilisation(self) -> str:
        columns: Mapping[str, Sequence[float]] = {}
        if self._folder is not None:
            with contextlib.suppress(SamplesError, OSError):
                columns = read_columns(Path(self._folder.name))
        if len(columns.get("unix_s", ())) > MOST_SAMPLES:
            self._end()
        return utilisation(columns)

    def _watch(self, pid: int) -> None:
        """Have the probe watch a process."""
        if self._probe is not None and self._pid == pid and self._probe.poll() is None:
            return
        self._end()
        self._pid = pid
        self._folder = tempfile.TemporaryDirectory(prefix="jamcam-watch-", ignore_cleanup_errors=True)
        self._probe = subprocess.Popen(
            [*PROBE, "sample", self._folder.name, str(pid), f"--gpu-hz={HZ}", f"--host-hz={HZ}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us: it samples until its input is closed
        )

    def _end(self) -> None:
        if self._probe is not None:
            assert self._probe.stdin is not None
            self._probe.stdin.close()
            try:
                self._probe.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._probe.kill()
                self._probe.wait()
        if self._folder is not None:
            self._folder.cleanup()
        self._probe = self._folder = None


def utilisation(columns: Mapping[str, Sequence[float]]) -> str:
    """The last value of what was sampled, in words; what was not read is left out.

    Args:
        columns: of the probe, in the order of time.
    """
    parts = list(_of_host(columns))
    gpus = sorted({int(match[1]) for name in columns if (match := re.match(r"gpu(\d+)_", name))})
    for gpu in gpus:
        figures = [
            _told(columns, f"gpu{gpu}_utilisation_pct", "%"),
            _told(columns, f"gpu{gpu}_memory_used_bytes", "GiB", GIB),
            _told(columns, f"gpu{gpu}_power_w", "W"),
        ]
        if known := [figure for figure in figures if figure]:
            parts.append(f"GPU {gpu} {', '.join(known)}")
    return f"utilisation: {'; '.join(parts) or 'not recorded yet'}"


def _of_host(columns: Mapping[str, Sequence[float]]) -> Iterator[str]:
    everybody, ours = (_told(columns, f"{name}_cpu_pct", "%") for name in ("host", "tree"))
    if everybody:
        yield f"CPU {everybody}" + (f" (this run {ours})" if ours else "")
    if memory := _told(columns, "tree_rss_bytes", "GiB", GIB):
        yield f"memory of this run {memory}"


def _told(columns: Mapping[str, Sequence[float]], name: str, unit: str, divisor: float = 1.0) -> str:
    """The last known value of a column; "" where there is none."""
    known = next((value for value in reversed(columns.get(name, ())) if math.isfinite(value)), None)
    return "" if known is None else f"{number(known / divisor)} {unit}"
