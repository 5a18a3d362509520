"""Measurements as text, a line for each quantity: the end of a bench, and a comparison."""

import textwrap
from collections.abc import Iterator, Sequence

from harness.measure.compare import Comparison
from harness.measure.record import Record
from harness.measure.stats import MIN_REPEATS, Summary, summarise
from harness.text import number
from harness.units import unit_of

BY_BATCH = ("evaluate", "inference", "scaling")  # cases that a bench measures with several batch sizes


def bench_lines(records: Sequence[Record]) -> Iterator[str]:
    """Case by case: status, what was measured, and what the sampler cost."""
    for record in records:
        batch = f" by {record.conditions['batch']}" if record.case in BY_BATCH else ""
        label = textwrap.shorten("; ".join(record.not_comparable), 100, placeholder=" …")
        fate = record.status + (f": {record.reason}" if record.reason else "")
        yield f"\n{record.case}{batch} ({fate}; {f'not comparable: {label}' if label else 'clean'})"
        names = dict.fromkeys((one.name, one.of) for run in record.runs for one in run.measurements)
        for name, of in names:
            summary = summarise(record.values(name, of=of))
            if summary is not None and not name.startswith("epoch_"):
                yield f"  {name}{f' of {of}' if of else ''}: {_in_words(summary, unit_of(name))}"
        yield from _verdict(record)
        yield from _cost(record)


def comparison_line(compared: Comparison) -> str:
    """`train train_images_per_s: 0.500 (95 %: 0.485 to 0.515); 50 against 100 images/s, n 5 and 5`."""
    if compared.ratio is None:
        return f"{compared.name}: nothing to divide by"
    low, high = compared.ratio.low, compared.ratio.high
    interval = f"below {MIN_REPEATS} repeats: too few to say"
    if low is not None and high is not None:
        interval = f"95 %: {low:.3f} to {high:.3f}"
    ours, theirs = compared.ours, compared.theirs
    both = f"{number(ours.median)} against {number(theirs.median)} {compared.unit}".rstrip()
    return f"{compared.name}: {compared.ratio.ratio:.3f} ({interval}); {both}, n {ours.n} and {theirs.n}"


def _in_words(summary: Summary, unit: str) -> str:
    """`36.2 images/s (95 %: 35.9 to 36.5, n 10)`."""
    median = f"{summary.median:.4g} {unit}".rstrip()
    if summary.low is None or summary.high is None:
        return f"{median} (n {summary.n}, too few to say how sure)"
    return f"{median} (95 %: {summary.low:.4g} to {summary.high:.4g}, n {summary.n})"


def _verdict(record: Record) -> Iterator[str]:
    if record.verdict is not None:
        yield f"  {record.verdict.word}: {record.verdict.why}"


def _cost(record: Record) -> Iterator[str]:
    """The sampler's CPU time and beat; in the case `sampler` of older records it paused half of the time."""
    probe = record.probe if record.case != "sampler" else None
    if probe is not None and probe.cpu_pct is not None and probe.beat_error_p95_s is not None:
        yield (
            f"  sampler: {probe.cpu_pct:.2f} % of a core, beat error {1000 * probe.beat_error_p95_s:.2f} ms "
            f"(95th percentile of {probe.samples}), {probe.missed_beats} beats missed"
        )
