"""Measurements from the phases and the training log that an engine wrote."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.engine.training_log import log_rows, number_in
from harness.measure.plan import BenchPlan, warm_up
from harness.measure.record import Measurement

Phases = Sequence[Mapping[str, Any]]


def of_training(phases: Phases, *, batch: int, frames: int, plan: BenchPlan) -> tuple[list[Measurement], int]:
    """Throughput and steps after warm-up, and how many steps were the warm-up.

    Of an engine that tells no steps: throughput by epoch, without the first one, which is the warm-up, and
    the last one, whose time has validation and saving in it.
    """
    epochs = [phase for phase in phases if phase["phase"] == "epoch"]
    waits_s, steps_s = _steps(epochs)
    warm_up_steps = warm_up(steps_s, least=plan.warm_up_steps)
    measured_s = steps_s[warm_up_steps:]
    if not measured_s:
        rates = tuple(frames / one["duration_s"] for one in epochs[1:-1] if one["duration_s"])
        return [Measurement(name="train_images_per_s", values=rates), _start_up(phases)], warm_up_steps
    rate = batch * len(measured_s) / sum(measured_s)
    return [
        Measurement(name="train_images_per_s", values=(rate,)),
        _start_up(phases),
        Measurement(name="train_step_s", values=tuple(measured_s)),
        Measurement(name="train_wait_s", values=tuple(waits_s[warm_up_steps:])),
    ], warm_up_steps


def of_batches(phases: Phases, *, batch: int, images: int) -> list[Measurement]:
    """Throughput, and the time of each batch but the first, which is warm-up.

    Of an engine that tells no batches: the start-up alone.
    """
    batches_s = _steps(phases)[1][1:]
    if not batches_s:
        return [_start_up(phases)]
    rate = (images - batch) / sum(batches_s)
    return [
        Measurement(name="images_per_s", values=(rate,)),
        Measurement(name="batch_s", values=tuple(batches_s)),
        _start_up(phases),
    ]


def _start_up(phases: Phases) -> Measurement:
    """From the launch to the first step."""
    durations_s = [phase["duration_s"] for phase in phases if phase["phase"] in ("launch", "start-up")]
    return Measurement(name="start_up_s", values=(round(sum(durations_s), 3) if durations_s else None,))


def of_epochs(
    log: str,
    phases: Phases,
    *,
    batch: int,
    frames: int,
    began_s: float,
    target: float,
) -> list[Measurement]:
    """Loss, mAP, throughput and end of each epoch, and the time to a mAP of `target`.

    Args:
        log: the engine's CSV log.
        phases: of the same training.
        batch: frames a step.
        frames: trained on, in an epoch.
        began_s: when training was launched.
        target: a fraction.
    """
    rows = [row for row in log_rows(log) if number_in(row.get("epoch")) is not None]
    numbers = [int(number_in(row["epoch"]) or 0) for row in rows]
    maps = [number_in(row.get("mAP")) for row in rows]
    ends = {number: _end_s(phases, number, began_s) for number in numbers}
    reached = [ends[number] for number, value in zip(numbers, maps, strict=True) if (value or 0.0) >= target]
    return [
        Measurement(name="epoch_loss", values=tuple(number_in(row.get("loss")) for row in rows)),
        Measurement(name="epoch_mAP", values=tuple(maps)),
        Measurement(name="epoch_images_per_s", values=tuple(_rates(phases, batch=batch, frames=frames))),
        Measurement(name="epoch_end_s", values=tuple(ends.values())),
        Measurement(name="time_to_mAP_s", values=(reached[0] if reached else None,)),
    ]


def _steps(phases: Phases) -> tuple[list[float], list[float]]:
    """For each step the time that it waited for data, and its whole time, both in seconds."""
    waits_s = [wait_s for phase in phases for wait_s in phase.get("wait_s", ())]
    works_s = [work_s for phase in phases for work_s in phase.get("work_s", ())]
    return waits_s, [wait_s + work_s for wait_s, work_s in zip(waits_s, works_s, strict=True)]


def _rates(phases: Phases, *, batch: int, frames: int) -> Iterable[float | None]:
    for one in phases:
        if one["phase"] == "epoch":
            images = batch * len(one["work_s"]) if "work_s" in one else frames
            yield round(images / one["duration_s"], 3) if one["duration_s"] else None


def _end_s(phases: Phases, epoch: int, began_s: float) -> float | None:
    ends = [one["started_unix_s"] + one["duration_s"] for one in phases if one.get("epoch") == epoch]
    return round(max(ends) - began_s, 3) if ends else None
