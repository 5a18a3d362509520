"""Whether `compare` and `gate` conclude what they claim, where the truth is known because it was made up.

    python bench/simulate_statistics.py [--times 2000]

Prints tables: coverage of the 95 % interval of `summarise`; false alarms of the whole gate where nothing
changed; power as it is printed against power as it comes out; how often a slowdown of 10 % is seen; and how
often a fresh seed, and one of a class that got worse, falls out of a band of seeds.
"""

import argparse
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.measure.compare import Comparison
from harness.measure.gate_rows import Row, judge
from harness.measure.seeds import quantity
from harness.measure.stats import POWER, ratio, summarise
from harness.verdict import Verdict

RUNS = 5  # of a session
RUN_SPREAD = 0.02  # standard deviation of logarithms within a session
DECLARED_PCT = 6.0
STAGES = ("verify", "gen-valid", "tune-bdb", "convert-data", "train", "eval", "vis", "export")
# A family as a bench has it: case, quantity, part; the first is the one that is slowed down.
ROWS = (
    ("train", "train_images_per_s", ""),
    *(("chain", "stage_s", stage) for stage in STAGES),
    *((case, "images_per_s", "") for case in ("evaluate", "inference")),
    *((case, "start_up_s", "") for case in ("train", "evaluate", "inference")),
    *((case, "command_s", "") for case in ("export", "convert-data")),
    ("chain", "mAP", ""),
)
# Average precisions over seeds and their standard deviations: made up, with means like those of the sample.
CLASSES = (
    *(("bicycle", 0.26, 0.04), ("bus", 0.73, 0.02), ("car", 0.75, 0.01)),
    *(("motorbike", 0.46, 0.05), ("person", 0.59, 0.01), ("truck", 0.60, 0.03)),
)
SIZES = (5, 7, 10, 20)
LOG_SPREADS = (0.05, 0.1, 0.2, 0.5)
Numbers = NDArray[np.float64]
Sessions = list[list[float]]


def coverage_pct(draw: Callable[[int], Numbers], truth: float, *, n: int, times: int) -> float:
    """How often the interval of `n` values holds the truth."""
    found = [summarise(draw(n).tolist()) for _ in range(times)]
    bounds = [(one.low, one.high) for one in found if one and one.low is not None and one.high is not None]
    return 100 * sum(low <= truth <= high for low, high in bounds) / times


class Machine:
    """Makes measurements up: lognormal runs in sessions that differ, alike in all rows or each for itself."""

    def __init__(self, seed: int, *, session_spread: float, is_shared: bool = False) -> None:
        self._rng = np.random.default_rng(seed)
        self._session_spread, self._is_shared = session_spread, is_shared

    def side(self, count: int, *, slowed: float = 0.0) -> list[Sessions]:
        """For each row of a bench of `count` sessions its runs; the first is slowed by that share."""
        shape = (1, count, 1) if self._is_shared else (len(ROWS), count, 1)
        offsets = self._session_spread * self._rng.standard_normal(shape)
        signs = np.array([-1.0 if "images" in quantity else 1.0 for _, quantity, _ in ROWS])
        runs = signs[:, None, None] * offsets + RUN_SPREAD * self._rng.standard_normal(
            (len(ROWS), count, RUNS)
        )
        runs[0] += math.log1p(-slowed)
        sides: list[Sessions] = (20.0 * np.exp(runs)).tolist()
        # The chain is run once a session.
        return [
            [one[:1] for one in side] if case == "chain" else side
            for (case, _, _), side in zip(ROWS, sides, strict=True)
        ]

    def rows(self, new: int, old: int, *, slowed: float = 0.0, apart: bool = True) -> list[Row]:
        """What a gate says of `new` sessions over `old` ones."""
        pairs = zip(ROWS, self.side(new, slowed=slowed), self.side(old), strict=True)
        return judge([_compared(*row, ours, theirs, apart) for row, ours, theirs in pairs])


def _compared(case: str, quantity: str, of: str, ours: Sessions, theirs: Sessions, apart: bool) -> Comparison:
    return Comparison(
        case=case,
        quantity=quantity,
        of=of,
        ours=tuple(map(tuple, ours)),
        theirs=tuple(map(tuple, theirs)),
        ratio=ratio(ours, theirs, declared_pct=DECLARED_PCT, apart=apart),
    )


def alarms_pct(machine: Machine, new: int, old: int, *, times: int) -> tuple[float, float]:
    """How often the gate says "worse", and "cannot tell", where nothing changed; in percent."""
    verdicts = [{row.is_worse for row in machine.rows(new, old)} for _ in range(times)]
    worse = sum(Verdict.YES in each for each in verdicts)
    unknown = sum(Verdict.YES not in each and Verdict.CANNOT_TELL in each for each in verdicts)
    return 100 * worse / times, 100 * unknown / times


def power_of_gate(seed: int, new: int, old: int, *, spread: float, times: int) -> tuple[float, float]:
    """The change that a gate prints as seen in POWER of cases (mean of many), and how often it is seen."""
    machine = Machine(seed, session_spread=spread)
    printed = [machine.rows(new, old)[0].visible or 0.0 for _ in range(times)]
    change = float(np.mean(printed))
    seen = [machine.rows(new, old, slowed=change)[0].is_worse is Verdict.YES for _ in range(times)]
    return change, float(np.mean(seen))


def power_of_compare(seed: int, new: int, old: int, *, spread: float, times: int) -> tuple[float, float]:
    """The same of `compare`, which looks at one row and at both directions."""
    machine = Machine(seed, session_spread=spread)

    def drawn(slowed: float = 0.0) -> Iterator[Comparison]:
        for _ in range(times):
            ours, theirs = machine.side(new, slowed=slowed)[0], machine.side(old)[0]
            yield _compared(*ROWS[0], ours, theirs, True)

    logs = [one.ratio.visible(0.025) for one in drawn() if one.ratio]
    change = -math.expm1(-float(np.mean(logs)))
    return change, float(np.mean([bool(one.ratio and one.ratio.is_change) for one in drawn(change)]))


def seeds(rng: np.random.Generator, kind: str, n: int) -> dict[str, list[float]]:
    """Quantities of `n` seeds, as a band has them.

    Classes are independent, or alike: half of their variance is common to all. With `rare`, two classes are
    found so seldom that many seeds have them at 0; with `skewed`, losses have a longer tail (skewness 1).
    """
    noise = rng.standard_normal((len(CLASSES), n))
    if kind == "alike":
        noise = (noise + rng.standard_normal((1, n))) / math.sqrt(2)
    if kind == "skewed":
        noise = 2.0 - rng.gamma(4.0, 0.5, (len(CLASSES), n))
    means = [
        0.0 if kind == "rare" and name in ("bicycle", "motorbike") else mean for name, mean, _ in CLASSES
    ]
    precisions = np.array(means)[:, None] + np.array([sd for _, _, sd in CLASSES])[:, None] * noise
    precisions = np.clip(precisions, 0.0, 1.0)
    table = {f"AP {name}": row.tolist() for (name, _, _), row in zip(CLASSES, precisions, strict=True)}
    losses = 20.0 * np.exp(0.03 * rng.standard_normal(n))
    return {"mAP": precisions.mean(0).tolist(), **table, "loss": losses.tolist()}


def outside_pct(
    seed: int, kind: str, n: int, *, times: int, drop: float = 0.0, verdict: Verdict = Verdict.NO
) -> float:
    """How often a fresh seed falls out of a band of `n`, its AP of bus less by `drop` standard deviations.

    With another `verdict` how often that is the one of a quantity.
    """
    rng, name, found = np.random.default_rng(seed), "AP bus", 0
    for _ in range(times):
        drawn = seeds(rng, kind, n + 1)
        fresh = {each: values[-1] for each, values in drawn.items()}
        fresh[name] -= drop * 0.02
        band = {each: quantity(each, values[:-1], len(drawn)) for each, values in drawn.items()}
        found += any(band[each].holds(value) is verdict for each, value in fresh.items())
    return 100 * found / times


def _coverage_table(times: int) -> Iterator[Sequence[object]]:
    yield ("values", *(f"n = {n}" for n in SIZES))
    rng = np.random.default_rng(1)
    for spread in LOG_SPREADS:

        def lognormal(n: int, spread: float = spread) -> Numbers:
            return rng.lognormal(3.0, spread, n)

        held = [coverage_pct(lognormal, math.exp(3.0), n=n, times=times) for n in SIZES]
        yield (f"lognormal, log-SD {spread}", *(f"{each:.1f}" for each in held))
    for spread in LOG_SPREADS[:3]:

        def normal(n: int, spread: float = spread) -> Numbers:
            return rng.normal(20.0, 20.0 * spread, n)

        held = [coverage_pct(normal, 20.0, n=n, times=times) for n in SIZES]
        yield (f"normal, CV {spread}", *(f"{each:.1f}" for each in held))


def _alarm_table(times: int) -> Iterator[Sequence[object]]:
    yield ("session spread", "new, reference", "rows alike", "worse (%)", "cannot tell (%)")
    for spread in (0.0, 0.02, 0.05):
        for new, old in ((1, 1), (1, 3), (1, 5), (3, 3)):
            for is_shared in (False, True):
                machine = Machine(2, session_spread=spread, is_shared=is_shared)
                worse, unknown = alarms_pct(machine, new, old, times=times)
                word = "yes" if is_shared else "no"
                yield (f"{100 * spread:.0f} %", f"{new}, {old}", word, f"{worse:.1f}", f"{unknown:.1f}")


def _power_table(times: int) -> Iterator[Sequence[object]]:
    yield ("verb", "session spread", "new, reference", "change printed (%)", "power printed", "power")
    for name, power in (("compare", power_of_compare), ("gate", power_of_gate)):
        for new, old, spread in ((3, 3, 0.01), (3, 3, 0.05), (1, 5, 0.02), (1, 1, 0.05)):
            change, seen = power(3, new, old, spread=spread, times=times)
            cells = (f"{100 * spread:.0f} %", f"{new}, {old}", f"{100 * change:.1f}")
            yield (name, *cells, f"{100 * POWER:.0f}", f"{100 * seen:.1f}")


def _slowdown(times: int) -> Iterator[Sequence[object]]:
    yield ("slowdown", "session spread", "new, reference", "worse (%)")
    for new, old in ((3, 3), (1, 5), (1, 3)):
        machine = Machine(4, session_spread=0.01)
        rows = [machine.rows(new, old, slowed=0.1)[0] for _ in range(times)]
        seen = 100 * sum(row.is_worse is Verdict.YES for row in rows) / times
        yield ("10 %", "1 %", f"{new}, {old}", f"{seen:.1f}")


def _band_table(times: int) -> Iterator[Sequence[object]]:
    drops = (4.0, 6.0, 8.0)
    yield (
        *("seeds", "classes", "a fresh one falls out (%)", "cannot tell (%)"),
        *(f"falls out with a class less by {drop:g} SD (%)" for drop in drops),
    )
    for n in (5, 10, 20):
        for kind in ("independent", "alike", "skewed", "rare"):
            shares = [outside_pct(7, kind, n, times=times, drop=drop) for drop in (0.0, *drops)]
            unknown = outside_pct(7, kind, n, times=times, verdict=Verdict.CANNOT_TELL)
            yield (n, kind, *(f"{each:.1f}" for each in (shares[0], unknown, *shares[1:])))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="compare and gate, where the truth is known")
    parser.add_argument("--times", type=int, default=2000, help="simulations of each cell")
    times = parser.parse_args().times
    for table in (_coverage_table, _alarm_table, _power_table, _slowdown, _band_table):
        for row in table(times):
            print(" | ".join(map(str, row)), flush=True)
        print()


if __name__ == "__main__":
    main()
