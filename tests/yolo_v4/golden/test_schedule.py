"""Learning rates against golden vectors made with NVIDIA's open-sourced code."""

import json
import re

import numpy as np
import pytest

from yolo_v4.spec.experiment import Schedule
from yolo_v4.training.optimizer import learning_rate


def schedule_of(text: str) -> Schedule:
    numbers = {key: float(np.float32(value)) for key, value in re.findall(r"(\w+): *([-+.\deE]+)", text)}
    numbers = {"soft_start": 0.0, "annealing": 0.0} | numbers
    return Schedule(
        kind="cosine" if "cosine" in text else "annealing",
        min_learning_rate=numbers["min_learning_rate"],
        max_learning_rate=numbers["max_learning_rate"],
        soft_start=numbers["soft_start"],
        annealing=numbers["annealing"],
    )


def test_every_schedule_gives_nvidias_learning_rate_at_every_step(topic, compared) -> None:
    cases = json.loads(topic("lr.json").read_text())["schedules"]

    for case in cases:
        schedule, steps = schedule_of(case["spec"]), case["max_iterations"]
        ours = [learning_rate(schedule, step / steps, gpus=case["gpus"]) for step in range(steps + 1)]
        assert ours == pytest.approx(case["lr"], rel=1e-6), case["name"]
        assert [float(np.float32(value)) for value in ours] == pytest.approx(case["lr_float32"], rel=1e-6), case["name"]
    compared("lr.json", len(cases))
