"""Measurements out of what an engine told of its phases and of its training."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.measure.plan import BenchPlan, warm_up
from harness.measure.record import Measurement

Phases = Sequence[Mapping[str, Any]]


def of_training(phases: Phases, *, batch: int, frames: int, plan: BenchPlan) -> tuple[list[Measurement], int]:
    """Throughput and steps after warm-up, and how many steps that was.

    Of an engine that tells no steps: throughput by epoch, the first of them being the warm-up.
    """
    epochs = [phase for phase in phases if phase["phase"] == "epoch"]
    waits, works = ([second for one in epochs for second in one.get(name, ())] for name in ("wait_s", "work_s"))
    steps = [wait + work for wait, work in zip(waits, works, strict=True)]
    left_out = warm_up(steps, least=plan.warm_up_steps)
    measured = steps[left_out:]
    if measured:
        rates: tuple[float, ...] = (batch * len(measured) / sum(measured),)
    else:
        rates = tuple(frames / one["duration_s"] for one in epochs[1:] if one["duration_s"])
    found = [Measurement(name="train_images_per_s", values=rates), start_up(phases)]
    if measured:
        found.append(Measurement(name="train_step_s", values=tuple(measured)))
        found.append(Measurement(name="train_wait_s", values=tuple(waits[left_out:])))
    return found, left_out


def of_batches(phases: Phases, *, batch: int, images: int) -> list[Measurement]:
    """Throughput, and the time of each batch but the first, which is warm-up; where the engine tells its batches."""
    waits, works = ([second for one in phases for second in one.get(name, ())] for name in ("wait_s", "work_s"))
    each = [wait + work for wait, work in zip(waits, works, strict=True)][1:]
    if not each:
        return [start_up(phases)]
    rate = (images - batch) / sum(each)
    return [
        Measurement(name="images_per_s", values=(rate,)),
        Measurement(name="batch_s", values=tuple(each)),
        start_up(phases),
    ]


def start_up(phases: Phases) -> Measurement:
    """From the launch to the first step."""
    spent = [phase["duration_s"] for phase in phases if phase["phase"] in ("launch", "start-up")]
    return Measurement(name="start_up_s", values=(round(sum(spent), 3) if spent else None,))


def of_epochs(log: str, phases: Phases, *, batch: int, frames: int, began_s: float, target: float) -> list[Measurement]:
    """Loss, mAP, throughput and end of each epoch, and the time to a mAP of `target`.

    Args:
        log: the engine's CSV log.
        phases: of the same training.
        batch: frames a step.
        frames: trained on, in an epoch.
        began_s: when training was launched.
        target: a fraction.
    """
    rows = [{name.strip(): text for name, text in row.items()} for row in csv.DictReader(io.StringIO(log, newline=""))]
    numbers = [int(float(row["epoch"])) for row in rows]
    maps = [_number(row.get("mAP")) for row in rows]
    ends = {number: _end_s(phases, number, began_s) for number in numbers}
    reached = [ends[number] for number, value in zip(numbers, maps, strict=True) if (value or 0.0) >= target]
    return [
        Measurement(name="epoch_loss", values=tuple(_number(row.get("loss")) for row in rows)),
        Measurement(name="epoch_mAP", values=tuple(maps)),
        Measurement(name="epoch_images_per_s", values=tuple(_rates(phases, batch=batch, frames=frames))),
        Measurement(name="epoch_end_s", values=tuple(ends.values())),
        Measurement(name="time_to_mAP_s", values=(reached[0] if reached else None,)),
    ]


def _rates(phases: Phases, *, batch: int, frames: int) -> Iterable[float | None]:
    for one in phases:
        if one["phase"] == "epoch":
            images = batch * len(one["work_s"]) if "work_s" in one else frames
            yield round(images / one["duration_s"], 3) if one["duration_s"] else None


def _end_s(phases: Phases, epoch: int, began_s: float) -> float | None:
    ends = [one["started_unix_s"] + one["duration_s"] for one in phases if one.get("epoch") == epoch]
    return round(max(ends) - began_s, 3) if ends else None


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
