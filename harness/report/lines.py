"""What a bench says in the end, a line for each quantity."""

import textwrap
from collections.abc import Iterator, Sequence

from harness.measure.record import Record
from harness.measure.stats import Summary, summarise
from harness.units import unit_of


def bench_lines(records: Sequence[Record]) -> Iterator[str]:
    """Case by case: status, what was measured, and what the sampler cost."""
    for record in records:
        batch = f" by {record.conditions['batch']}" if record.case in ("evaluate", "inference", "scaling") else ""
        label = textwrap.shorten("; ".join(record.not_comparable), 100, placeholder=" …")
        fate = record.status + (f": {record.reason}" if record.reason else "")
        yield f"\n{record.case}{batch} ({fate}; {f'not comparable: {label}' if label else 'clean'})"
        names = dict.fromkeys((one.name, one.of) for run in record.runs for one in run.measurements)
        for name, of in names:
            found = summarise(record.values(name, of=of))
            if found is not None and not name.startswith("epoch_"):
                yield f"  {name}{f' of {of}' if of else ''}: {in_words(found, unit_of(name))}"
        yield from _verdict(record)
        yield from _cost(record)


def in_words(found: Summary, unit: str) -> str:
    """`36.2 images/s (95 %: 35.9 to 36.5, n 10)`."""
    if found.low is None or found.high is None:
        return f"{found.median:.4g} {unit}".rstrip() + f" (n {found.n}, too few to say how sure)"
    return f"{found.median:.4g} {unit}".rstrip() + f" (95 %: {found.low:.4g} to {found.high:.4g}, n {found.n})"


def _verdict(record: Record) -> Iterator[str]:
    if record.verdict is not None:
        yield f"  {record.verdict.word}: {record.verdict.why}"


def _cost(record: Record) -> Iterator[str]:
    """The sampler's cost: its CPU time and its beat. In `sampler`, a case of older records, it rested half of the time."""
    probe = record.probe if record.case != "sampler" else None
    if probe is not None and probe.cpu_pct is not None and probe.beat_error_p95_s is not None:
        yield (
            f"  sampler: {probe.cpu_pct:.2f} % of a core, beat error {1000 * probe.beat_error_p95_s:.2f} ms "
            f"(95th percentile of {probe.samples}), {probe.missed_beats} beats missed"
        )
