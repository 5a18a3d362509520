"""Two runs side by side: settings, data, scores with intervals, times.

Scores may be compared where both were measured on the same test frames; everything else is the question.
"""

import math
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.answer import Answer
from harness.errors import CannotTell
from harness.measure import student
from harness.measure.band import read_band
from harness.measure.stats import CONFIDENCE
from harness.measure.trained import settings_of
from harness.reproduce.crate_reader import unpack
from harness.reproduce.differences import shown
from harness.reproduce.source import (
    CODE,
    ENGINE,
    NUMERICS,
    SETTINGS,
    Run,
    Value,
    find_source,
    read_run,
    record_run,
)
from harness.settings.declared import declared_names
from harness.text import listing, number, shortened

# What the scores were measured on, as products of `verify`.
TEST_FRAMES = ("data/test/images", "data/test/labels")
QUESTION = "the question: "
DATA_STAGES = ("download", "verify", "gen-valid", "tune-bdb", "convert-data")


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """How much a score differs between trainings with other seeds: standard deviation, of `n` trainings."""

    sd: float
    n: int


def names_run(name: str) -> bool:
    """Whether a side of `compare` is a workspace or a crate, by the path that was given."""
    path = Path(name).expanduser()
    return path.suffix == ".zip" or (path / ".markers").is_dir()


def compared_runs(results: Path, ours: str, theirs: str, *, force: bool) -> Answer:
    """How two workspaces, crates or records of whole runs compare.

    The error of the answer is CannotTell where the scores must not be compared; with `force` they are told
    all the same.

    Raises:
        ConfigError: one of the names is of nothing.
        DataError: a crate is refused, or no stage was finished in a workspace.
    """
    with tempfile.TemporaryDirectory(prefix="crates-") as folder:
        one = _read(ours, results, Path(folder, "ours"))
        other = _read(theirs, results, Path(folder, "theirs"))
    found, spreads = obstacles(one, other), _spreads(one, other)
    lines = comparison(one, other, spreads=spreads, with_scores=force or not found)
    runs = run_table(one, other, spreads=spreads, with_scores=force or not found)
    asked = [line for line in _facts(one, other) if line.startswith(QUESTION)]
    table = {
        "a": ours,
        "b": theirs,
        "notes": [],
        "obstacles": found,
        "questions": [line.removeprefix(QUESTION) for line in asked],
        "comparisons": [],
        "runs": runs,
    }
    error = None
    if found:
        error = CannotTell(
            f"their scores must not be compared:{listing(found)}",
            remedy="evaluate both on the same test frames" if force else "FORCE=1 shows the scores, too",
        )
    return Answer(text="\n".join([f"{ours} over {theirs}", *lines]), table=table, error=error)


def _read(name: str, results: Path, folder: Path) -> Run:
    """The run of that name; `folder`, which a crate is unpacked to, is not needed afterwards."""
    kind, path = find_source(name, results)
    if kind == "crate":
        folder.mkdir()
        return unpack(path, folder)
    return read_run(path) if kind == "workspace" else record_run(path)


def _spreads(ours: Run, theirs: Run) -> dict[str, Spread]:
    """Of each score, where both runs were made with the settings of the recipe's band of seeds."""
    recipe = ours.facts.get("recipe")
    band = read_band(recipe) if isinstance(recipe, str) and recipe in declared_names("recipes") else None
    if band is None or any(
        band.hindrances(settings_of(run.markers, run.ingredients)) for run in (ours, theirs)
    ):
        return {}
    told = {name: one for name, one in band.quantities.items() if one.sd and not one.at_limit}
    return {name: Spread(sd=one.sd or 0.0, n=one.n) for name, one in told.items()}


def obstacles(ours: Run, theirs: Run) -> list[str]:
    """Why the scores of the two must not be compared, a line each."""
    sides = [_digests(run) for run in (ours, theirs)]
    lines = []
    for path in TEST_FRAMES:
        one, other = (side.get(path) for side in sides)
        if one is None or other is None:
            lines.append(f"nobody knows whether both have the same {path}: it was not recorded")
        elif one != other:
            lines.append(f"{path} differs: the scores are of other test frames")
    return lines


def comparison(ours: Run, theirs: Run, *, spreads: Mapping[str, Spread], with_scores: bool) -> list[str]:
    """What there is to say of the two, in lines.

    Args:
        spreads: of the scores, where a band of seeds tells of runs like these.
        with_scores: they may be compared, or it was asked for.
    """
    lines = [*_facts(ours, theirs), *_packages(ours, theirs), *_data(ours, theirs)]
    lines += _scores(ours, theirs, spreads) if with_scores else []
    return [*lines, *_times(ours, theirs)]


def run_table(ours: Run, theirs: Run, *, spreads: Mapping[str, Spread], with_scores: bool) -> dict[str, Any]:
    """The same as a table; of each fact and package those that differ, or are not recorded on both sides."""
    both = [name for name in ours.scores if name in theirs.scores and with_scores]
    scores = [
        {
            "name": name,
            "a": ours.scores[name],
            "b": theirs.scores[name],
            **_bounds(ours.scores[name] - theirs.scores[name], spreads.get(name)),
        }
        for name in both
    ]
    times = [
        {"stage": stage, "a_s": ours.markers[stage].duration_s, "b_s": theirs.markers[stage].duration_s}
        for stage in ours.markers
        if stage in theirs.markers
    ]
    return {
        "facts": _unlike(_fact_pairs(ours, theirs)),
        "packages": _unlike(_package_pairs(ours, theirs)),
        "data": _unlike(_product_pairs(ours, theirs)),
        "scores": scores,
        "times": times,
    }


def _unlike(pairs: Mapping[str, tuple[Value, Value]]) -> list[dict[str, Value]]:
    return [
        {"name": name, "a": one, "b": other}
        for name, (one, other) in pairs.items()
        if one != other or one is None
    ]


def _fact_pairs(ours: Run, theirs: Run) -> dict[str, tuple[Value, Value]]:
    names = (*SETTINGS, *ENGINE, *NUMERICS, *CODE)
    return {name: (ours.facts.get(name), theirs.facts.get(name)) for name in names}


def _package_pairs(ours: Run, theirs: Run) -> dict[str, tuple[Value, Value]]:
    names = sorted({*ours.packages, *theirs.packages})
    return {name: (ours.packages.get(name), theirs.packages.get(name)) for name in names}


def _product_pairs(ours: Run, theirs: Run) -> dict[str, tuple[Value, Value]]:
    """Digests of the products of the stages about data."""
    one, other = (_digests(run, DATA_STAGES) for run in (ours, theirs))
    return {path: (one.get(path), other.get(path)) for path in dict.fromkeys((*one, *other))}


def _facts(ours: Run, theirs: Run) -> Iterator[str]:
    pairs = _fact_pairs(ours, theirs)
    for name, (one, other) in pairs.items():
        if one != other and None not in (one, other):
            yield f"{QUESTION}{name} is {shown(one)} against {shown(other)}"
    unknown = [name for name, pair in pairs.items() if None in pair]
    if unknown:
        yield f"not recorded on both sides: {', '.join(unknown)}"
    if not any(one != other for one, other in pairs.values()):
        yield "settings, engine, numerics and code are the same"


def _packages(ours: Run, theirs: Run) -> Iterator[str]:
    if not (ours.packages and theirs.packages):
        yield "packages: not recorded on both sides"
        return
    pairs = _package_pairs(ours, theirs)
    unlike = [
        f"{name} {one or 'none'} against {other or 'none'}"
        for name, (one, other) in pairs.items()
        if one != other
    ]
    yield f"packages: {shortened(unlike, shown=6) if unlike else f'the same {len(pairs)}'}"


def _data(ours: Run, theirs: Run) -> Iterator[str]:
    """The products of the stages about data, which one is the same on both sides."""
    both = {path: pair for path, pair in _product_pairs(ours, theirs).items() if None not in pair}
    unlike = [path for path, (one, other) in both.items() if one != other]
    if not both:
        yield "data: not recorded on both sides"
    elif unlike:
        yield f"data: {len(unlike)} of {len(both)} products differ: {shortened(unlike)}"
    else:
        yield f"data: all {len(both)} products are the same"


def _digests(run: Run, stages: tuple[str, ...] = ("verify",)) -> dict[str, str]:
    markers = [run.markers[stage] for stage in stages if stage in run.markers]
    return {product.path: product.digest.sha256 for marker in markers for product in marker.products}


def _scores(ours: Run, theirs: Run, spreads: Mapping[str, Spread]) -> Iterator[str]:
    both = [name for name in ours.scores if name in theirs.scores]
    for name in both:
        one, other = ours.scores[name], theirs.scores[name]
        words = f"{name}: {one - other:+.3f} ({_sureness(one - other, spreads.get(name))})"
        yield f"{words}; {one:.3f} against {other:.3f}"
    if not both:
        yield "scores: not recorded on both sides"


def _sureness(difference: float, spread: Spread | None) -> str:
    """The 95 % interval of the difference between what the two would give on average over seeds."""
    reach = _reach(spread)
    if spread is None or reach is None:
        return "one training each and no band of seeds: too few to say"
    return f"95 %: {difference - reach:+.3f} to {difference + reach:+.3f}, by the band of {spread.n} seeds"


def _reach(spread: Spread | None) -> float | None:
    """How far the 95 % interval of a difference reaches to each side; None: nothing tells it."""
    if spread is None or spread.n < 2:
        return None
    return student.quantile((1 + CONFIDENCE) / 2, spread.n - 1) * spread.sd * math.sqrt(2)


def _bounds(difference: float, spread: Spread | None) -> dict[str, float | None]:
    reach = _reach(spread)
    if reach is None:
        return {"low": None, "high": None}
    return {"low": difference - reach, "high": difference + reach}


def _times(ours: Run, theirs: Run) -> Iterator[str]:
    for stage in ours.markers:
        if stage not in theirs.markers:
            continue
        one_s, other_s = (run.markers[stage].duration_s for run in (ours, theirs))
        both = f"{number(one_s)} against {number(other_s)} s, n 1 and 1"
        if one_s > 0 and other_s > 0:
            yield f"{stage} duration_s: {one_s / other_s:.3f} (one run: too few to say); {both}"
        else:  # a clock was set back
            yield f"{stage} duration_s: nothing to divide by; {both}"
