"""Learning rates against golden vectors made with NVIDIA's open-sourced code."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from yolo_v4.errors import SpecError
from yolo_v4.spec.experiment import Training
from yolo_v4.spec.load import load_experiment
from yolo_v4.spec.training_checks import check_training
from yolo_v4.training.optimizer import learning_rate

CALLBACKS = {
    "SoftStartCosineAnnealingScheduler": "cosine",
    "SoftStartAnnealingLearningRateScheduler": "annealing",
}
NUMBER = re.compile(r"\d+\.\d{6}")


@pytest.fixture
def training(write_spec: Callable[..., Path]) -> Callable[[str], Training]:
    """Reads a spec that has a text in place of its learning rate; raises SpecError where it cannot train."""

    def read(text: str) -> Training:
        path = write_spec()
        whole = path.read_text()
        schedule = re.search(r"learning_rate \{.*?\} \}\n", whole, flags=re.DOTALL)
        assert schedule
        path.write_text(whole.replace(schedule[0], text + "\n"))
        experiment = load_experiment(path)
        check_training(experiment)
        return experiment.training

    return read


def test_every_schedule_gives_nvidias_learning_rate_at_every_step(topic, compared, training) -> None:
    cases = json.loads(topic("lr.json").read_text())["schedules"]

    for case in cases:
        schedule, steps = training(case["spec"]).schedule, case["max_iterations"]
        ours = [learning_rate(schedule, step / steps, gpus=case["gpus"]) for step in range(steps + 1)]
        assert schedule.kind == CALLBACKS[case["callback"]], case["name"]
        assert ours == pytest.approx(case["lr"], rel=1e-6), case["name"]
        assert [float(np.float32(value)) for value in ours] == pytest.approx(case["lr_float32"], rel=1e-6), (
            case["name"]
        )
        with pytest.raises(ValueError, match="progress") as refusal:
            learning_rate(schedule, (steps + 1) / steps, gpus=case["gpus"])
        assert NUMBER.findall(str(refusal.value))[0] in NUMBER.findall(case["step_after_end_error"]), case[
            "name"
        ]
    compared("lr.json", len(cases))


def test_every_learning_rate_gets_the_verdict_of_nvidias_builders(topic, compared, training) -> None:
    cases = json.loads(topic("lr.json").read_text())["validation"]
    for case in cases:
        try:
            found = training(case["spec"]).schedule.kind
        except SpecError as refusal:
            found = refusal.message
        expected = CALLBACKS[case["callback"]] if case["verdict"] == "accept" else case["error"]
        words_are_free = case.get("error_type") == "ParseError" and found not in CALLBACKS.values()
        assert found == expected or words_are_free, case["name"]
    compared("lr.json", len(cases))
