"""Rows of what was measured, one for a run and a split, and the table of what helped."""

import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from judging import MEAN, Score, interval
from runs import BASE, CHECKOUT

ROWS = CHECKOUT / "results" / "accuracy" / "rows.jsonl"
Row = dict[str, Any]
Bounds = tuple[float, float]


def described(scores: Sequence[Score]) -> dict[str, Any]:
    """Average precision, objects and interval of each class and of their mean."""
    return {
        one.name: {
            "ap": round(one.ap, 4),
            "interval": [round(bound, 4) for bound in one.interval],
            "objects": one.objects,
        }
        for one in scores
    }


def mean_draws(scores: Sequence[Score]) -> list[float | None]:
    """The mean of the frames as they are, and of each draw; None where a draw has no object.

    The draws are the same for all that is judged on the same frames, so a run can be compared with one of
    another machine, whose weights are gone.
    """
    draws = next(one.draws_R for one in scores if one.name == MEAN)
    return [None if np.isnan(value) else round(float(value), 4) for value in draws]


def append(row: Row, path: Path = ROWS) -> None:
    """Add a row at the end of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row) + "\n")


def read(path: Path = ROWS) -> list[Row]:
    """Every row, in the order in which they were added."""
    return (
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    )


def table(rows: Iterable[Row]) -> str:
    """For each split and number of passes: variants by their mean, and their difference to the base.

    Means are over the seeds; intervals say what other frames or cameras would have made of them. The
    difference is that of runs of one seed and number format, of which there may be several; "sd", the
    standard deviation between them, says what another seed would have. Runs in different number formats
    stand apart. Of a run done again, the newest row counts.
    """
    rows = list({(row["split"], row["passes"], _name(row), row["seed"]): row for row in rows}.values())
    lines = []
    for split, passes in sorted({(row["split"], row["passes"]) for row in rows}):
        here = [row for row in rows if (row["split"], row["passes"]) == (split, passes)]
        frames = max(row["frames_seen"] for row in here)
        lines += ["", f"{split}, {passes} passes, {frames} frames seen", _HEADING]
        by_variant: dict[str, list[Row]] = {}
        for row in here:
            by_variant.setdefault(_name(row), []).append(row)
        best_first = sorted(by_variant.items(), key=lambda item: _mean(item[1]), reverse=True)
        lines += [_line(name, same, here) for name, same in best_first]
    return "\n".join(lines[1:])


def _name(row: Row) -> str:
    """Its variant, and the format that it computed in; that of a peer is not known."""
    return ", ".join(filter(None, (row["variant"], row.get("number_format"))))


def _mean(same: Sequence[Row]) -> float:
    """Over the seeds, of the mean over the classes."""
    return float(statistics.mean(row["scores"][MEAN]["ap"] for row in same))


_HEADING = (
    f"{'variant':<25}{'seeds':>5}{'mean':>7}  {'interval':<16}{'to base':<9}{'interval':<18}{'sd':<7}classes"
)


def _line(name: str, same: Sequence[Row], every: Sequence[Row]) -> str:
    gains, bounds = _gains(same, every)
    gain = f"{statistics.mean(gains):+.3f}" if gains else ""
    deviation = f"{statistics.stdev(gains):.3f}" if len(gains) > 1 else ""
    classes = [label for label in same[0]["scores"] if label != MEAN]
    told = ", ".join(
        f"{label} {statistics.mean(row['scores'][label]['ap'] for row in same):.3f}" for label in classes
    )
    own = _mean_interval(same)
    told_own = "{:.3f} to {:.3f}".format(*own) if own else ""
    compared = "{:+.3f} to {:+.3f}".format(*bounds) if bounds else ""
    mean = f"{name:<25}{len(same):>5}{_mean(same):>7.3f}  {told_own:<16}"
    return f"{mean}{gain:<9}{compared:<18}{deviation:<7}{told}"


def _mean_interval(same: Sequence[Row]) -> Bounds | None:
    if all("draws" in row for row in same):
        return interval(np.mean([_draws(row) for row in same], axis=0))
    # The draws of earlier rows were not kept, and without them there is no interval of a mean of several.
    return tuple(same[0]["scores"][MEAN]["interval"]) if len(same) == 1 else None


def _gains(same: Sequence[Row], every: Sequence[Row]) -> tuple[list[float], Bounds | None]:
    """The difference of each run to its base, and the interval of their mean where it can be told."""
    drawn = [_draws(row) - _draws(base) for row in same if (base := _base_of(row, every))]
    earlier = [row["to_base"] for row in same if row.get("to_base")]  # as it was taken before draws were kept
    gains = [*(float(one[0]) for one in drawn), *(one["mean"] for one in earlier)]
    if len(earlier) == len(gains) == 1:
        return gains, tuple(earlier[0]["interval"])
    return gains, interval(np.mean(drawn, axis=0)) if drawn and not earlier else None


def _base_of(row: Row, every: Sequence[Row]) -> Row | None:
    """The newest run of the base with the same seed and number format, judged on the same objects."""
    if row["variant"] == BASE or "draws" not in row:
        return None
    for one in reversed(every):
        is_like = one["variant"] == BASE and one["seed"] == row["seed"] and _objects(one) == _objects(row)
        is_drawn = len(one.get("draws", ())) == len(row["draws"])
        # The format of a peer is not known.
        if is_like and is_drawn and row.get("number_format") in (None, one.get("number_format")):
            return one
    return None


def _objects(row: Row) -> dict[str, int]:
    return {name: one["objects"] for name, one in row["scores"].items()}


def _draws(row: Row) -> Any:
    return np.array(row["draws"], dtype=np.float64)  # None is NaN
