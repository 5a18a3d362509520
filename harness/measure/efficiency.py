"""A scaling study: how much of what more GPUs could give they do give.

Strong scaling divides the batch of one GPU over all of them: the same steps, sooner. Weak scaling gives each GPU the
whole batch: steps of more frames, in the same time.
"""

from collections.abc import Iterable
from dataclasses import replace
from statistics import median

from harness.errors import ConfigError
from harness.measure.record import Measurement, Record, Run
from harness.settings.variables import Settings

CASE = "scaling"
STRONG, WEAK = "strong", "weak"
RATE = "train_images_per_s"
# Conditions that differ within a study: as many steps of a larger batch take more epochs of the same frames.
VARIED = {"gpus", "nodes", "batch", "epochs", CASE}


def batches(settings: Settings) -> dict[str, int]:
    """Frames per GPU and step of each kind; on one GPU both are the same, and measured once.

    Raises:
        ConfigError: the batch cannot be divided.
    """
    count, batch = settings.gpus * settings.nodes, settings.batch
    if count == 1:
        return {f"{STRONG} and {WEAK}": batch}
    if batch % count:
        raise ConfigError(
            f"strong scaling divides a batch over all GPUs, and {batch} frames ({settings.origins['batch']}) cannot be "
            f"divided by {count}",
            remedy=f"give BATCH={count * -(-batch // count)}",
        )
    return {STRONG: batch // count, WEAK: batch}


def kinds(record: Record) -> list[str]:
    """Which kinds of scaling a record of training is about; one of a bench had the batch of each GPU held fixed."""
    return str(record.conditions.get(CASE, WEAK)).split(" and ")


def with_efficiency(record: Record, earlier: Iterable[Record]) -> Record:
    """`record`, with the efficiency of each run: its throughput over that of perfect scaling.

    Perfect is the throughput of the same work on the fewest GPUs there is a record of, times as many GPUs as there are
    more; of several such records the newest counts, and without one there is no efficiency.
    """
    kind, *more = kinds(record)
    alike = [
        one
        for one in earlier
        if one.status == "ok" and kind in kinds(one) and _gpus(one) < _gpus(record) and _rates(one.runs)
        if _work(one, kind) == _work(record, kind)
    ]
    if more or not alike:
        return record
    base = min(sorted(alike, key=lambda one: one.started_utc, reverse=True), key=_gpus)
    perfect = median(_rates(base.runs)) * _gpus(record) / _gpus(base)
    return replace(record, runs=tuple(_judged(run, f"{kind}_efficiency_pct", base.id, perfect) for run in record.runs))


def _judged(run: Run, name: str, base: str, perfect: float) -> Run:
    shares = tuple(round(100 * rate / perfect, 2) for rate in _rates([run]))
    return replace(run, measurements=(*run.measurements, Measurement(name=name, of=base, values=shares)))


def _work(record: Record, kind: str) -> tuple[object, ...]:
    """What is equal for all records of one study."""
    batch = int(record.conditions.get("batch") or 0)
    frames = batch if kind == WEAK else batch * _gpus(record)
    models = {gpu.name for gpu in record.machine.gpus} if record.machine else set()
    conditions = {name: said for name, said in record.conditions.items() if name not in VARIED}
    return record.platform, record.case, models, frames, conditions


def _gpus(record: Record) -> int:
    return int(record.conditions.get("gpus") or 1) * int(record.conditions.get("nodes") or 1)


def _rates(runs: Iterable[Run]) -> list[float]:
    found = [value for run in runs for one in run.measurements if one.name == RATE for value in one.values]
    return [value for value in found if value is not None]
