"""Scaling studies: throughput on several GPUs as a share of perfect scaling.

Strong scaling divides the batch of one GPU over all of them: the same steps, sooner.
Weak scaling gives each GPU the whole batch: steps of more frames, in the same time.
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
        frames = f"{batch} frames ({settings.origins['batch']})"
        raise ConfigError(
            f"strong scaling divides a batch over all GPUs, and {frames} cannot be divided by {count}",
            remedy=f"give BATCH={count * -(-batch // count)}",
        )
    return {STRONG: batch // count, WEAK: batch}


def kinds(record: Record) -> list[str]:
    """The kinds of scaling that a record of training belongs to; a bench gives each GPU the whole batch."""
    return str(record.conditions.get(CASE, WEAK)).split(" and ")


def with_efficiency(record: Record, earlier: Iterable[Record]) -> Record:
    """`record`, with the efficiency of each run: its throughput over that of perfect scaling.

    Perfect scaling multiplies the throughput of a base by the ratio of the numbers of GPUs.
    The base is the record of the same work on the fewest GPUs, the newest of several; without one there is no
    efficiency.
    """
    kind, *more = kinds(record)
    bases = [
        one
        for one in earlier
        if one.status == "ok" and kind in kinds(one) and _gpus(one) < _gpus(record) and _rates(one.runs)
        if _study(one, kind) == _study(record, kind)
    ]
    if more or not bases:
        return record
    base = min(sorted(bases, key=lambda one: one.started_utc, reverse=True), key=_gpus)
    perfect = median(_rates(base.runs)) * _gpus(record) / _gpus(base)
    runs = (_with_share(run, f"{kind}_efficiency_pct", base.id, perfect) for run in record.runs)
    return replace(record, runs=tuple(runs))


def _with_share(run: Run, name: str, base: str, perfect: float) -> Run:
    shares = tuple(round(100 * rate / perfect, 2) for rate in _rates([run]))
    return replace(run, measurements=(*run.measurements, Measurement(name=name, of=base, values=shares)))


def _study(record: Record, kind: str) -> tuple[object, ...]:
    """What is equal for all records of one study."""
    batch = int(record.conditions.get("batch") or 0)
    frames = batch if kind == WEAK else batch * _gpus(record)
    models = {gpu.name for gpu in record.machine.gpus} if record.machine else set()
    conditions = {name: value for name, value in record.conditions.items() if name not in VARIED}
    return record.platform, record.case, models, frames, conditions


def _gpus(record: Record) -> int:
    return int(record.conditions.get("gpus") or 1) * int(record.conditions.get("nodes") or 1)


def _rates(runs: Iterable[Run]) -> list[float]:
    values = [value for run in runs for one in run.measurements if one.name == RATE for value in one.values]
    return [value for value in values if value is not None]
