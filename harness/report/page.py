"""The README's section on benchmarking: a table by platform, and a few plots."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from harness.measure.comparability import reasons
from harness.measure.record import Record, repeats
from harness.measure.stats import summarise
from harness.report.selection import GIB, Setup, energy_name, joules_per_1000, newest
from harness.text import number

BEGIN, END = "<!-- benchmarking: written by `make plots` -->", "<!-- benchmarking: end -->"
COLUMNS = (
    *("platform", "hardware", "engine", "recipe", "training (images/s)", "busy (%)", "memory at most (GiB)"),
    *("energy (J per 1,000 images)", "mAP", "date", "commit", "record"),
)
SHOWN = ("throughput", "timeline", "learning")  # of the plots, the first of each kind
ABSENT = "—"


def section(records: Sequence[Record], platforms: Mapping[str, str], pictures: Iterable[str]) -> str:
    """What belongs between the markers, and the markers.

    Args:
        records: all there are.
        platforms: name -> title of those that can be measured.
        pictures: names of the plots in results/plots/.
    """
    measured = newest(records, "train", "imported")
    chains = newest(records, "chain")
    rows = [_row(setup, record, chains.get(setup)) for setup, record in measured.items()]
    rows += [
        [name, title, *[ABSENT] * (len(COLUMNS) - 3), f"not measured yet: `make bench PLATFORM={name}`"]
        for name, title in platforms.items()
        if name not in {setup.platform for setup in measured}
    ]
    table = [COLUMNS, ["---"] * len(COLUMNS), *sorted(rows, key=lambda row: row[0])]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table]
    plots = [next((name for name in sorted(pictures) if name.startswith(f"{kind}-")), "") for kind in SHOWN]
    shown = [f"![{name.replace('-', ', ', 1)}](results/plots/{name}.png)" for name in plots if name]
    return "\n".join([BEGIN, "", *lines, "", *(f"{line}\n" for line in shown), END])


def _row(setup: Setup, record: Record, chain: Record | None) -> list[str]:
    rate = summarise(repeats(record, "train_images_per_s"))
    sure = f"{number(rate.low)} to {number(rate.high)}" if rate and rate.low and rate.high else "too few to say"
    score = summarise(repeats(chain, "mAP")) if chain else None
    energy = [
        f"{number(found.median)} ({energy_name(record, kind)})"
        for kind in ("gpu", "cpu")
        if (found := summarise(joules_per_1000(record, kind)))
    ]
    faults = "; not comparable: " + "; ".join(reasons(record)) if reasons(record) else ""
    return [
        setup.platform,
        setup.machine,
        setup.software or ABSENT,
        setup.recipe,
        f"{number(rate.median)} ({sure}; n {rate.n})" if rate else ABSENT,
        ", ".join(_busy(record)) or ABSENT,
        ", ".join(_memory(record)) or ABSENT,
        ", ".join(energy) or ABSENT,
        f"{score.median:.3f}" if score else ABSENT,
        record.started_utc[:10],
        record.code.git_commit[:8] if record.code else ABSENT,
        f"[{record.id}](results/{record.platform}/{record.id}){faults}",
    ]


def _busy(record: Record) -> Iterator[str]:
    """Mean utilisation while training, or over everything where no phase tells when that was."""
    training = {name: mean for phase in record.phases if phase.phase == "epoch" for name, mean in phase.means.items()}
    means = training or {series.metric: series.mean for series in record.series}
    for word, pattern in (("GPU", r"gpu\d+_utilisation_pct"), ("CPU", "host_cpu_pct")):
        found = [mean for name, mean in means.items() if re.fullmatch(pattern, name) and mean is not None]
        if found:
            yield f"{word} {np.mean(found):.0f}"


def _memory(record: Record) -> Iterator[str]:
    for word, pattern in (("GPU", r"gpu\d+_memory_used_bytes"), ("processes", "tree_rss_bytes")):
        found = [one.high for one in record.series if re.fullmatch(pattern, one.metric) and one.high is not None]
        if found:
            yield f"{word} {number(sum(found) / GIB)}"
