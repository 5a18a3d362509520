"""Rows of what was measured, one for a run and a split, and the table of what helped."""

import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from judging import MEAN, QUANTILES, Score
from runs import CHECKOUT

ROWS = CHECKOUT / "results" / "accuracy" / "rows.jsonl"
Row = dict[str, Any]


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


def difference(scores: Sequence[Score], base: Sequence[Score]) -> dict[str, Any]:
    """Difference of the means to those of a base on the same frames, with the interval of the same draws."""
    ours, theirs = (next(one.draws_R for one in every if one.name == MEAN) for every in (scores, base))
    low, high = np.nanquantile((ours - theirs)[1:], QUANTILES)
    return {
        "mean": round(float(ours[0] - theirs[0]), 4),
        "interval": [round(float(low), 4), round(float(high), 4)],
    }


def save_scores(path: Path, scores: Sequence[Score]) -> None:
    """Keep scores with their draws, for the runs that will be compared with this one."""
    kept: dict[str, Any] = {one.name: np.append(one.draws_R, one.objects) for one in scores}
    with path.open("wb") as stream:
        np.savez_compressed(stream, **kept)


def load_scores(path: Path) -> list[Score]:
    """Scores that `save_scores` kept."""
    with np.load(path, allow_pickle=False) as kept:
        return [Score(name, int(kept[name][-1]), kept[name][:-1]) for name in kept.files]


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

    The difference is that of runs of one seed; its interval, where there is one such run, says what other
    frames or cameras would have made of it; "between seeds" is the standard deviation of the differences, and
    the only thing that says what another seed would have. Runs in different number formats stand apart. Of
    a run done again, the newest row counts.
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
        lines += [_line(name, same) for name, same in best_first]
    return "\n".join(lines[1:])


def _name(row: Row) -> str:
    """Its variant, and the format that it computed in; that of a peer is not known."""
    return ", ".join(filter(None, (row["variant"], row.get("number_format"))))


def _mean(same: Sequence[Row]) -> float:
    """Over the seeds, of the mean over the classes."""
    return float(statistics.mean(row["scores"][MEAN]["ap"] for row in same))


_HEADING = f"{'variant':<30}{'seeds':>6}{'mean':>8}{'to base':>9}  {'noise':<26}classes"


def _line(name: str, same: Sequence[Row]) -> str:
    gains = [row["to_base"]["mean"] for row in same if row["to_base"]]
    noise = ""
    if len(gains) > 1:
        noise = f"{statistics.stdev(gains):.3f} between seeds"
    elif gains:
        low, high = next(row["to_base"]["interval"] for row in same if row["to_base"])
        noise = f"{low:+.3f} to {high:+.3f}"
    gain = f"{statistics.mean(gains):+.3f}" if gains else ""
    classes = [label for label in same[0]["scores"] if label != MEAN]
    told = ", ".join(
        f"{label} {statistics.mean(row['scores'][label]['ap'] for row in same):.3f}" for label in classes
    )
    return f"{name:<30}{len(same):>6}{_mean(same):>8.3f}{gain:>9}  {noise:<26}{told}"
