"""The tries of stages, read back from `.attempts`: what ran, why, how it ended, and what of it was kept.

A workspace may come from elsewhere, and a run may be changing it: whatever is missing or makes no sense is
None or empty, and never an error.
"""

import contextlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

from harness.clock import unix_s
from harness.engine.phases import computing, engine_phases
from harness.files import read_json
from harness.stages.activity import stages_at_work
from harness.stages.attempt import read_outcome
from harness.text import one_line
from harness.workspace.layout import LOG, REQUEST, Workspace
from harness.workspace.marker import STAGES

STARTING = "starting: "  # with which the line of a log begins that says why the stage runs
FIRST_BYTES = 65536  # of a log, among which that line is
MOST_CHARACTERS = 2000  # of a message or of reasons
USES_MODEL = ("train", "eval", "vis", "export")  # stages whose engine may compute on a GPU
MOMENT = "started_utc"
# As train says it: the try of that name was cut short, and what it did up to that epoch is kept.
GOES_ON = re.compile(r"goes on after epoch (\d{1,9}) of the try (\S+?)(?=;|$)")


class Fate(Enum):
    """How a try ended."""

    DONE = "done"
    TAKEN_BACK = "taken back"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    CUT_SHORT = "cut short"  # without a word
    UNDER_WAY = "under way"

    @property
    def is_good(self) -> bool:
        """Whether its stage was done then."""
        return self in (Fate.DONE, Fate.TAKEN_BACK)


@dataclass(frozen=True, kw_only=True, slots=True)
class Try:
    """One try of one stage. Times are in seconds since 1970."""

    stage: str
    name: str  # of its folder
    fingerprint: str = ""  # of what went in, as the marker of its stage has it
    meaning: str = ""  # the same without comments and blanks of specs, where that was noted: else equal to it
    fate: Fate
    started_s: float | None
    ended_s: float | None  # None: nobody noted it
    heard_s: float | None = None  # the end of its last phase
    why: str = ""  # it ran, in its own words
    message: str = ""  # how it ended early
    remedy: str = ""
    gpus: int | None = None  # that it may have used, over all machines; None: not recorded
    cores: int | None = None
    machines: int | None = None
    settings: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # name -> value, where it came from
    phases: tuple[Mapping[str, Any], ...] = ()
    kept_s: float = 0.0  # of its time: that need not be done again

    @property
    def log(self) -> str:
        """Path of its log, relative to the workspace."""
        return f".attempts/{self.stage}/{self.name}/{LOG}"

    @property
    def lasted_s(self) -> float | None:
        """Its time; of one whose end nobody noted, up to where it was last heard of."""
        end_s = self.ended_s if self.ended_s is not None else self.heard_s
        return None if end_s is None or self.started_s is None else max(end_s - self.started_s, 0.0)


def read_tries(workspace: Workspace) -> list[Try]:
    """Every try whose folder is still there, in the order of their starts."""
    at_work = stages_at_work(workspace).values() if workspace.lock.exists() else ()
    tries = [
        _read(stage, folder, is_at_work=folder in at_work)
        for stage in STAGES
        for folder in _folders(workspace.attempts / stage)
    ]
    tries.sort(key=lambda one: (one.started_s or 0.0, STAGES.index(one.stage), one.name))
    return [_with_what_was_kept(one, tries, workspace) for one in tries]


def _folders(place: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return sorted(path for path in place.iterdir() if path.is_dir() and not path.is_symlink())
    return []


def _read(stage: str, folder: Path, *, is_at_work: bool) -> Try:
    request, outcome = read_json(folder / REQUEST), read_outcome(folder) or {}
    started_s, ended_s = _moment(request.get(MOMENT)), _moment(outcome.get("finished_utc"))
    phases = () if started_s is None else _phases(folder, started_s, ended_s)
    device = computing(folder)["device"] if stage in USES_MODEL else "cpu"
    gpus = _count(request.get("gpus"))
    return Try(
        stage=stage,
        name=folder.name,
        fingerprint=str(request.get("fingerprint") or ""),
        meaning=str(request.get("canonical_fingerprint") or request.get("fingerprint") or ""),
        fate=_fate(outcome, is_at_work=is_at_work),
        started_s=started_s,
        ended_s=ended_s,
        heard_s=max((one["started_unix_s"] + one["duration_s"] for one in phases), default=None),
        why=_why(folder / LOG),
        message=_text(outcome.get("message")),
        remedy=_text(outcome.get("remedy")),
        gpus=0 if device == "cpu" else gpus if device else None,
        cores=_count(request.get("cores")),
        machines=_count(request.get("machines")),
        settings=_settings(request.get("settings")),
        phases=phases,
    )


def _fate(outcome: Mapping[str, Any], *, is_at_work: bool) -> Fate:
    if not outcome:
        return Fate.UNDER_WAY if is_at_work else Fate.CUT_SHORT
    if outcome["status"] == "done":
        return Fate.TAKEN_BACK if outcome.get("taken_back") is True else Fate.DONE
    return Fate.INTERRUPTED if outcome["status"] == "interrupted" else Fate.FAILED


def _phases(folder: Path, started_s: float, ended_s: float | None) -> tuple[Mapping[str, Any], ...]:
    """The phases of its engine; those that an earlier try left in a status file are none of its own."""
    last_s = math.inf if ended_s is None else ended_s + 1
    with contextlib.suppress(OSError, LookupError, ValueError, TypeError, OverflowError):
        told = engine_phases(folder, started_s=started_s, ended_s=ended_s or started_s)
        return tuple(one for one in told if one["started_unix_s"] + one["duration_s"] <= last_s)
    return ()


def _with_what_was_kept(one: Try, tries: Sequence[Try], workspace: Workspace) -> Try:
    """What a try did and kept, as a later one that went on from it knows: by then its products are gone."""
    if one.fate.is_good or one.fate is Fate.UNDER_WAY:
        return replace(one, kept_s=one.lasted_s or 0.0)
    if one.started_s is None:
        return one
    later = [each for each in tries if each.stage == one.stage and (each.started_s or 0.0) > one.started_s]
    gone_on = [match for each in later for match in GOES_ON.finditer(each.why) if match[2] == one.name]
    if not gone_on:
        return one
    phases = one.phases
    for each in reversed(later):
        folder = workspace.attempts / each.stage / each.name
        phases = phases or _phases(folder, one.started_s, one.ended_s or each.started_s)
    saved = [each for each in phases if 0 < each.get("epoch", 0) <= int(gone_on[0][1])]
    kept_s = max((each["started_unix_s"] + each["duration_s"] - one.started_s for each in saved), default=0.0)
    return replace(one, phases=phases, kept_s=min(kept_s, one.lasted_s or kept_s))


def _why(log: Path) -> str:
    """What the log says of why the stage ran, and of the try that it went on from."""
    with contextlib.suppress(OSError), log.open("rb") as stream:
        lines = stream.read(FIRST_BYTES).decode(errors="replace").splitlines()
        first = [line.removeprefix(STARTING) for line in lines if line.startswith(STARTING)][:1]
        return _text("; ".join([*first, *(line for line in lines if line.startswith("goes on after"))]))
    return ""


def _moment(text: Any) -> float | None:
    with contextlib.suppress(ValueError, OverflowError, AttributeError, TypeError):
        return unix_s(text)
    return None


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 1_000_000 else None


def _text(value: Any) -> str:
    return one_line(value, longest=MOST_CHARACTERS) if isinstance(value, str) else ""


def _settings(table: Any) -> dict[str, tuple[str, str]]:
    pairs: Iterable[tuple[Any, Any]] = table.items() if isinstance(table, dict) else ()
    return {
        one_line(str(name)): (_text(value.get("value")), _text(value.get("origin")))
        for name, value in pairs
        if isinstance(value, dict)
    }
