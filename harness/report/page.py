"""The README's section on benchmarking: a table by platform, and a few plots."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote

from harness.measure.comparability import doubts, reasons
from harness.measure.fact_table import UNRECORDED
from harness.measure.limit import SHARE
from harness.measure.record import Record, repeats, used_gpus
from harness.measure.stats import summarise
from harness.report.selection import GIB, Setup, chain_of, energy_name, energy_reason, joules_per_1000, newest
from harness.text import markdown_cell, number

BEGIN, END = "<!-- benchmarking: written by `make plots` -->", "<!-- benchmarking: end -->"
COLUMNS = (
    *("platform", "hardware", "engine", "recipe", "training (images/s)", "of the limit (%)"),
    *("our load (%)", "peak memory (GiB)", "energy (J per 1,000 images)", "mAP", "date", "commit", "record"),
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
    rows = [_row(setup, record, chain_of(record, records)) for setup, record in measured.items()]
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
    link = f"results/{quote(record.platform)}/{quote(record.id)}"
    recipe = f"{setup.recipe}; {setup.differs}" if setup.differs else setup.recipe
    texts = (setup.platform, setup.machine, setup.software or ABSENT, recipe)
    return [
        *map(markdown_cell, texts),
        _throughput(record) or ABSENT,
        _share(record),
        ", ".join(_load(record)) or ABSENT,
        ", ".join(_memory(record, chain)) or ABSENT,
        "; ".join(_energy(record)) or ABSENT,
        _score(chain) or ABSENT,
        markdown_cell(record.started_utc[:10]),
        markdown_cell(record.code.git_commit[:8]) if record.code else ABSENT,
        f"[{markdown_cell(record.id)}]({link}){markdown_cell(_label(record))}",
    ]


def _share(record: Record) -> str:
    """Of the machine's own rate of matrix products, in training."""
    share = summarise(repeats(record, SHARE))
    return number(share.mean) if share else UNRECORDED


def _energy(record: Record) -> Iterator[str]:
    """Joules, and why there are none of some runs."""
    for kind in ("gpu", "cpu"):
        if joules := summarise(joules_per_1000(record, kind)):
            yield f"{number(joules.mean)} ({energy_name(record, kind)})"
        if reason := energy_reason(record, kind):
            yield markdown_cell(reason)


def _label(record: Record) -> str:
    """Who sent it in, why the record must not be compared, or why that cannot be told."""
    label = f"; contributed: {record.contributed}" if record.contributed else ""
    if reasons(record):
        return f"{label}; not comparable: {'; '.join(reasons(record))}"
    unseen = "; ".join(doubts(record))
    return f"{label}; cannot tell whether it is comparable: {unseen}" if unseen else label


def _not_measured(platform: str) -> str:
    return f"not measured yet: `make bench PLATFORM={markdown_cell(platform)}`"


def _throughput(record: Record) -> str:
    rate = summarise(repeats(record, "train_images_per_s"))
    if rate is None:
        return ""
    if rate.low is None or rate.high is None:
        return f"{number(rate.mean)} (too few to say; n {rate.n})"
    return f"{number(rate.mean)} ({number(rate.low)} to {number(rate.high)}; n {rate.n})"


def _score(chain: Record | None) -> str:
    """Accuracy on the test frames, with the epochs that it took."""
    score = summarise(repeats(chain, "mAP")) if chain else None
    if chain is None or score is None:
        return ""
    epochs = chain.conditions.get("epochs")
    return f"{score.mean:.3f}" + (f" after {markdown_cell(str(epochs))} epochs" if epochs else "")


def _load(record: Record) -> Iterator[str]:
    """Mean load while training, or over the whole record where no phase tells when that was.

    Of the CPU it is that of our own processes, of the GPUs that of each one used.
    """
    epochs = [phase.means for phase in record.phases if phase.phase == "epoch"]
    means = epochs[0] if epochs else {series.metric: series.mean for series in record.series}
    for gpu, value in _of_used_gpus(record, means, "utilisation_pct").items():
        yield f"GPU {gpu}: {value:.0f}"
    ours = means.get("tree_cpu_pct")
    if ours is not None:
        yield f"CPU {ours:.0f}"


def _memory(record: Record, chain: Record | None) -> Iterator[str]:
    """The highest memory in use while training: of the GPU that used most, and of our processes.

    That of the training that made a model, where there is one; else of the few steps that were timed.
    """
    peaks, note = _peaks(chain, "stage train"), ""
    if not any(value is not None for value in peaks.values()):
        steps = record.conditions.get("train_steps")
        peaks, note = _peaks(record, "epoch"), f" (of {markdown_cell(str(steps))} steps)" if steps else ""
    peaks = peaks or {series.metric: series.high for series in record.series}
    if of_gpus := _of_used_gpus(record, peaks, "memory_used_bytes"):
        yield f"GPU {number(max(of_gpus.values()) / GIB)}{note}"
    ours = peaks.get("tree_rss_bytes")
    if ours is not None:
        yield f"processes {number(ours / GIB)}{note}"


def _peaks(record: Record | None, name: str) -> Mapping[str, float | None]:
    phases = record.phases if record else ()
    return next((phase.peaks for phase in phases if phase.phase == name), {})


def _of_used_gpus(record: Record, values: Mapping[str, float | None], metric: str) -> dict[int, float]:
    """Number of a GPU -> its value, of those that the workload used; of all where that is not known."""
    used, found = used_gpus(record), {}
    for name, value in values.items():
        matching = re.fullmatch(rf"(gpu(\d+))_{metric}", name)
        if matching and value is not None and (not used or matching[1] in used):
            found[int(matching[2])] = value
    return dict(sorted(found.items()))
