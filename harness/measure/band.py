"""The band of seeds: what trainings of a recipe with other seeds give, and whether a new result is like them.

`jamcam seeds` writes `<recipe>.band.json` beside the recipe; `docs/records.md` describes the file.
A result is judged by prediction intervals, so wide that a fresh seed falls out of any of the family in 5 % of
cases at most (Bonferroni: of m quantities each misses in 0.05 / m), however the quantities depend on each
other. Judging takes no more than comparisons: a run that finds nothing to do affords it.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import ConfigError, DataError
from harness.settings.declared import SPECS
from harness.settings.table import from_table
from harness.text import number, shortened
from harness.verdict import Verdict
from harness.workspace.marker import differences

SCHEMA_VERSION = 1
MAP, AP, LOSS, TRAIN_S = "mAP", "AP ", "loss", "train_s"  # names of quantities; AP and the name of a class
SAME = 1e-9  # share by which a mean may differ from that of its values: it was written with all its digits


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    """One quantity over the seeds; `low` and `high` bound one new value, and what cannot be is cut off.

    `mean` is None without a value, `sd`, `low` and `high` with fewer than two. Where a value lies `at_limit`,
    such as an AP of 0, they are not normally distributed: a new one outside is then not known to differ.
    """

    n: int
    mean: float | None
    sd: float | None  # with n - 1
    low: float | None
    high: float | None
    at_limit: bool
    values: tuple[float | None, ...]  # by seed; None: it could not be computed

    def holds(self, value: float | None) -> Verdict:
        """Whether the interval holds a value; no number is neither in it nor outside."""
        if value is None or not math.isfinite(value) or self.low is None or self.high is None:
            return Verdict.CANNOT_TELL
        if self.low <= value <= self.high:
            return Verdict.YES
        return Verdict.NO if self.sd and not self.at_limit else Verdict.CANNOT_TELL


@dataclass(frozen=True, kw_only=True, slots=True)
class Landing:
    """Whether a result landed in a band: no where one quantity is outside; and by what, in words."""

    verdict: Verdict
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Band:
    """What the seeds of one recipe gave, on one machine, with one set of settings."""

    recipe: str
    n: int  # seeds
    seeds: tuple[int, ...]  # never the recipe's own, which so is a fresh one
    confidence: float  # 0..1, of the family as a whole
    family: tuple[str, ...]  # quantities that are judged together; time is told only
    settings: Mapping[str, Any]  # what must be equal for a result to be judged: see `trained.settings_of`
    conditions: Mapping[str, Any]  # as a record of the recipe's own seed has them: for `gate`
    numerics: Mapping[str, Any]  # stage -> what the engine computed with
    # As in a record: where it was made. Nothing of it is judged but time.
    machine: Mapping[str, Any]
    code: Mapping[str, Any]
    environment: Mapping[str, Any]
    facts: Mapping[str, Any]
    commits: tuple[str, ...]  # of the harness that trained
    finished_utc: str
    quantities: Mapping[str, Quantity]
    schema_version: int

    def holds(self, name: str, value: float | None) -> Verdict:
        """Whether a new value of a quantity is one that another seed may give; other names: cannot tell."""
        quantity = self.quantities.get(name)
        return quantity.holds(value) if quantity else Verdict.CANNOT_TELL

    def hindrances(self, settings: Mapping[str, Any]) -> list[str]:
        """Why a result of these settings must not be judged by this band, in words."""
        unknown = [f"{name} is not known" for name in self.settings if settings.get(name) is None]
        known = {name: value for name, value in settings.items() if value is not None}
        return unknown + differences({name: self.settings.get(name) for name in known}, known)

    def landing(self, values: Mapping[str, float | None], settings: Mapping[str, Any]) -> Landing:
        """Whether a result landed in the band.

        Args:
            values: of the quantities, by name.
            settings: that it was made with; see `trained.settings_of`.
        """
        if hindrances := self.hindrances(settings):
            return Landing(verdict=Verdict.CANNOT_TELL, words=shortened(hindrances, shown=3))
        verdicts = {name: self.holds(name, values.get(name)) for name in self.family}
        for verdict in (Verdict.NO, Verdict.CANNOT_TELL):
            if found := [name for name in self.family if verdicts[name] is verdict]:
                words = "; ".join(self._against(name, values.get(name)) for name in found)
                return Landing(verdict=verdict, words=words)
        if not self.family:
            return Landing(verdict=Verdict.CANNOT_TELL, words="the band judges nothing")
        return Landing(verdict=Verdict.YES, words=f"by {', '.join(self.family)}")

    def _against(self, name: str, value: float | None) -> str:
        """`AP car 0.402, expected 0.652 to 0.811`."""
        one = self.quantities[name]
        unknown = f"{name} could not be computed"
        if value is None or not math.isfinite(value) or one.mean is None:
            return unknown
        if one.low is None or one.high is None:
            return unknown
        if not one.sd or one.at_limit:
            limits = "a seed at the limit" if one.sd else f"all seeds at {number(one.mean)}"
            return f"{name} {number(value)}, and {limits}, which tells no spread"
        return f"{name} {number(value)}, expected {number(one.low)} to {number(one.high)}"


def band_file(recipe: str) -> Path:
    """Where the band of a recipe lies, which is given by name, or by the path of its file."""
    path = SPECS / "recipes" / recipe
    if "/" in recipe or recipe.endswith(".toml"):
        path = Path(recipe).expanduser().absolute().with_suffix("")
    return path.with_name(f"{path.name}.band.json")


def read_band(recipe: str) -> Band | None:
    """The band of a recipe, which is given by name, or by the path of its file; None where it has none.

    Raises:
        DataError: the file is of a newer harness, or is no band.
    """
    path = band_file(recipe)
    try:
        table = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path, f"it cannot be read: {type(error).__name__}: {error}") from error
    version = table.get("schema_version") if isinstance(table, dict) else None
    if type(version) is not int:
        raise _damaged(path, f"its schema_version is {version!r}")
    if version > SCHEMA_VERSION:
        raise DataError(
            f"{path} has schema_version {version}, this harness reads up to {SCHEMA_VERSION}",
            remedy="take a newer harness",
        )
    try:
        quantities = table["quantities"]
        read = {name: from_table(Quantity, one, where=f"{path}: {name}") for name, one in quantities.items()}
        band = from_table(Band, {**table, "quantities": read}, where=str(path))
    except (ConfigError, LookupError, TypeError, AttributeError) as error:
        raise _damaged(path, error.message if isinstance(error, ConfigError) else str(error)) from error
    if fault := _fault(band):
        raise _damaged(path, fault)
    return band


def mean_of(values: Sequence[float]) -> float | None:
    """Arithmetic mean; None of no values."""
    return math.fsum(values) / len(values) if values else None


def sd_of(values: Sequence[float]) -> float | None:
    """Standard deviation, with n - 1; None of fewer than two values."""
    mean = mean_of(values)
    if mean is None or len(values) < 2:
        return None
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def is_at_limit(name: str, values: Sequence[float]) -> bool:
    """Whether one of the values is what none can be below, 0, or above: 1 of an average precision."""
    highest = 1.0 if name == MAP or name.startswith(AP) else math.inf
    return any(not 0.0 < value < highest for value in values)


def _fault(band: Band) -> str:
    """What of a band cannot be, in words; "" where all can."""
    if band.n != len({*band.seeds}) or not 0 < band.confidence < 1:
        return f"n is {band.n}, of seeds {', '.join(map(str, band.seeds))}, at confidence {band.confidence}"
    for name, one in band.quantities.items():
        values = [value for value in one.values if value is not None]
        if len(one.values) != band.n or len(values) != one.n:
            return f"{name} has {len(values)} values of {len(one.values)} seeds, expected {one.n} of {band.n}"
        for word, said, value in (("mean", one.mean, mean_of(values)), ("sd", one.sd, sd_of(values))):
            if not _is_same(said, value):
                return f"{name}: {word} is {said}, and that of its values is {value}"
        if one.at_limit != is_at_limit(name, values):
            return f"{name}: at_limit is {one.at_limit}, and its values are not so"
        bounds = [bound for bound in (one.low, one.mean, one.high) if bound is not None]
        if one.n > 1 and (len(bounds) < 3 or bounds != sorted(bounds)):
            return f"{name}: low {one.low}, mean {one.mean} and high {one.high} are in no order"
    unknown = [name for name in band.family if name not in band.quantities]
    return f"nothing is said of {shortened(unknown)}" if unknown else ""


def _is_same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=SAME, abs_tol=SAME)


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is no number")


def _damaged(path: Path, why: str) -> DataError:
    return DataError(
        f"{path} is no band of seeds: {why}", remedy="restore it with git, or make it again: jamcam seeds"
    )
