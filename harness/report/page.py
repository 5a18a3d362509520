"""The README's section on benchmarking: a table by platform, and a few plots."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote

import numpy as np

from harness.measure.comparability import reasons
from harness.measure.record import Record, repeats
from harness.measure.stats import summarise
from harness.report.selection import GIB, Setup, energy_name, joules_per_1000, newest
from harness.text import markdown_cell, number

BEGIN, END = "<!-- benchmarking: written by `make plots` -->", "<!-- benchmarking: end -->"
COLUMNS = (
    *("platform", "hardware", "engine", "recipe", "training (images/s)", "busy (%)", "peak memory (GiB)"),
    *("energy (J per 1,000 images)", "mAP", "date", "commit", "record"),
)
SHOWN = ("throughput", "timeline", "learning")  # kinds of plots, of each the first
ABSENT = "—"


def section(records: Sequence[Record], platforms: Mapping[str, str], pictures: Iterable[str]) -> str:
    """The table and plots, with the markers around them.

    Args:
        records: all there are.
        platforms: name -> title, of all that can be measured.
        pictures: names of the plots in results/plots/.
    """
    measured = newest(records, "train", "imported")
    chains = newest(records, "chain")
    rows = [_row(setup, record, chains.get(setup)) for setup, record in measured.items()]
    rows += [
        [*map(markdown_cell, (name, title)), *[ABSENT] * (len(COLUMNS) - 3), _not_measured(name)]
        for name, title in platforms.items()
        if name not in {setup.platform for setup in measured}
    ]
    table = [COLUMNS, ["---"] * len(COLUMNS), *sorted(rows, key=lambda row: row[0])]
    lines = ["| " + " | ".join(row) + " |" for row in table]
    plots = [next((name for name in sorted(pictures) if name.startswith(f"{kind}-")), "") for kind in SHOWN]
    shown = [f"![{name.replace('-', ', ', 1)}](results/plots/{name}.png)" for name in plots if name]
    return "\n".join([BEGIN, "", *lines, "", *(f"{line}\n" for line in shown), END])


def _row(setup: Setup, record: Record, chain: Record | None) -> list[str]:
    score = summarise(repeats(chain, "mAP")) if chain else None
    energy = [
        f"{number(joules.median)} ({energy_name(record, kind)})"
        for kind in ("gpu", "cpu")
        if (joules := summarise(joules_per_1000(record, kind)))
    ]
    label = "; not comparable: " + "; ".join(reasons(record)) if reasons(record) else ""
    link = f"results/{quote(record.platform)}/{quote(record.id)}"
    texts = (setup.platform, setup.machine, setup.software or ABSENT, setup.recipe)
    return [
        *map(markdown_cell, texts),
        _throughput(record) or ABSENT,
        ", ".join(_busy(record)) or ABSENT,
        ", ".join(_memory(record)) or ABSENT,
        ", ".join(energy) or ABSENT,
        f"{score.median:.3f}" if score else ABSENT,
        markdown_cell(record.started_utc[:10]),
        markdown_cell(record.code.git_commit[:8]) if record.code else ABSENT,
        f"[{markdown_cell(record.id)}]({link}){markdown_cell(label)}",
    ]


def _not_measured(platform: str) -> str:
    return f"not measured yet: `make bench PLATFORM={markdown_cell(platform)}`"


def _throughput(record: Record) -> str:
    rate = summarise(repeats(record, "train_images_per_s"))
    if rate is None:
        return ""
    if rate.low is None or rate.high is None:
        return f"{number(rate.median)} (too few to say; n {rate.n})"
    return f"{number(rate.median)} ({number(rate.low)} to {number(rate.high)}; n {rate.n})"


def _busy(record: Record) -> Iterator[str]:
    """Mean utilisation while training, or over the whole record where no phase tells when that was."""
    epochs = [phase.means for phase in record.phases if phase.phase == "epoch"]
    means = epochs[0] if epochs else {series.metric: series.mean for series in record.series}
    for word, pattern in (("GPU", r"gpu\d+_utilisation_pct"), ("CPU", "host_cpu_pct")):
        if matching := _matching(means, pattern):
            yield f"{word} {np.mean(matching):.0f}"


def _memory(record: Record) -> Iterator[str]:
    """The highest memory in use, of all GPUs and of our processes."""
    peaks = {series.metric: series.high for series in record.series}
    for word, pattern in (("GPU", r"gpu\d+_memory_used_bytes"), ("processes", "tree_rss_bytes")):
        if matching := _matching(peaks, pattern):
            yield f"{word} {number(sum(matching) / GIB)}"


def _matching(values: Mapping[str, float | None], pattern: str) -> list[float]:
    return [value for name, value in values.items() if re.fullmatch(pattern, name) and value is not None]
