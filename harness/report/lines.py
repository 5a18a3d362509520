"""Measurements as text, a line for each quantity: the end of a bench."""

import textwrap
from collections.abc import Iterator, Sequence

import numpy as np

from harness.measure.comparability import doubts, reasons
from harness.measure.record import Record, repeats
from harness.measure.stats import Summary, summarise
from harness.units import unit_of

BY_BATCH = ("evaluate", "inference", "scaling")  # cases that a bench measures with several batch sizes


def bench_lines(records: Sequence[Record]) -> Iterator[str]:
    """Case by case: status, what was measured, and what the sampler cost."""
    for record in records:
        batch = f" by {record.conditions['batch']}" if record.case in BY_BATCH else ""
        fate = record.status + (f": {record.reason}" if record.reason else "")
        yield f"\n{record.case}{batch} ({fate}; {_label(record)})"
        names = dict.fromkeys((one.name, one.of) for run in record.runs for one in run.measurements)
        for name, of in names:
            summary = summarise(repeats(record, name, of=of))
            if summary is not None and not name.startswith("epoch_"):
                words = f"{_in_words(summary, unit_of(name))}{_distribution(record, name, of)}"
                yield f"  {name}{f' of {of}' if of else ''}: {words}"
        yield from _verdict(record)
        yield from _cost(record)


def _label(record: Record) -> str:
    """Whether the record is clean: yes, no, or cannot tell; with the reasons."""
    faults, unseen = ("; ".join(words) for words in (reasons(record), doubts(record)))
    if not faults and not unseen:
        return "clean"
    words = f"not comparable: {faults}" if faults else f"cannot tell whether clean: {unseen}"
    return textwrap.shorten(words, 120, placeholder=" …")


def _in_words(summary: Summary, unit: str) -> str:
    """`36.2 images/s (95 %: 35.9 to 36.5, n 10)`: n counts runs."""
    mean = f"{summary.mean:.4g} {unit}".rstrip()
    if summary.low is None or summary.high is None:
        return f"{mean} (n {summary.n}, too few to say how sure)"
    doubt = f"; {summary.doubt}" if summary.doubt else ""
    return f"{mean} (95 %: {summary.low:.4g} to {summary.high:.4g}, n {summary.n}{doubt})"


def _distribution(record: Record, name: str, of: str) -> str:
    """How steps or batches are distributed, which are no repeats; "" of what a run measures once."""
    single = [value for value in record.values(name, of=of) if value is not None]
    if len(single) <= len(record.runs):
        return ""
    low, high = np.percentile(single, (5, 95))
    return f"; 90 % of {len(single)} lie from {low:.4g} to {high:.4g}"


def _verdict(record: Record) -> Iterator[str]:
    if record.verdict is not None:
        yield f"  {record.verdict.word}: {record.verdict.why}"
        if record.verdict.remedy:
            yield f"    try: {record.verdict.remedy}"
    held = record.observed.throttled_pct if record.observed is not None else None
    for reason, share_pct in (held or {}).items():
        yield f"  the GPU's clock was held down for {share_pct:.3g} % of the time: {reason}"


def _cost(record: Record) -> Iterator[str]:
    """The sampler's CPU time and beat; in the case `sampler` of older records it paused half of the time."""
    probe = record.probe if record.case != "sampler" else None
    if probe is not None and probe.cpu_pct is not None and probe.beat_error_p95_s is not None:
        yield (
            f"  sampler: {probe.cpu_pct:.2f} % of a core, beat error {1000 * probe.beat_error_p95_s:.2f} ms "
            f"(95th percentile of {probe.samples}), {probe.missed_beats} beats missed"
        )
