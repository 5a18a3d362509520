import numpy as np
import pytest

from harness.report.curves import batches, gpus, learning
from harness.report.selection import newest
from harness.report.style import style
from tests.harness.made import machine, record, run

CASES = ("train", "scaling", "evaluate", "inference")


@pytest.fixture(autouse=True)
def styled():
    with style():
        yield


def of(records):
    return {case: newest(records, case) for case in CASES}


def points(axes):
    """{legend's name: (x, y)} of the lines that have one."""
    return {line.get_label(): line.get_xydata().tolist() for line in axes.lines if not line.get_label().startswith("_")}


def test_learning_shows_the_epochs_that_were_judged_by_number_and_by_time():
    told = {"epoch_loss": [9.0, 5.0, 4.0], "epoch_mAP": [None, 0.2, 0.3], "epoch_end_s": [60.0, 120.0, 240.0]}
    drawn = learning("sample", newest([record("chain", runs=[run(1, told)])], "chain"))

    assert [axes.get_ylabel() for axes in drawn.axes] == ["training loss", "validation mAP", "validation mAP"]
    assert [next(iter(points(axes).values())) for axes in drawn.axes] == [
        [[1, 9], [2, 5], [3, 4]],
        [[2, 0.2], [3, 0.3]],
        [[2, 0.2], [4, 0.3]],
    ]


def test_without_a_score_the_loss_stands_alone():
    drawn = learning("sample", newest([record("chain", runs=[run(1, {"epoch_loss": [9.0, 5.0]})])], "chain"))
    assert len(drawn.axes) == 1
    assert learning("sample", {}) is None


def test_efficiency_is_throughput_over_that_of_perfect_scaling():
    measured = {1: 100.0, 2: 180.0, 4: 300.0}
    records = [
        record("train", [rate] * 5, machine=machine(gpus=count), conditions={"gpus": count})
        for count, rate in measured.items()
    ]
    drawn = gpus("sample", of([*records, record("train", [5.0], platform="one-gpu", machine=machine(gpus=1))]))

    rates, shares = (next(iter(points(axes).values())) for axes in drawn.axes)
    assert len(points(drawn.axes[0])) == 1, "one count is no scaling"
    assert rates == [[1, 100], [2, 180], [4, 300]]
    assert np.allclose(shares, [[1, 100], [2, 90], [4, 75]])
    assert [label.get_text() for label in drawn.axes[0].get_xticklabels()] == ["1", "2", "4"]


def test_a_study_draws_strong_and_weak_scaling_apart_from_one_beginning():
    # Strong: 8 frames in all; weak: 8 frames a GPU.
    study = [("strong and weak", 1, 8, 100.0), ("strong", 2, 4, 150.0), ("weak", 2, 8, 190.0), ("strong", 4, 2, 200.0)]
    records = [
        record(
            "scaling", [rate], machine=machine(gpus=gpus), conditions={"scaling": kind, "gpus": gpus, "batch": batch}
        )
        for kind, gpus, batch, rate in study
    ]
    drawn = gpus("sample", of(records))

    names = {kind: f"local: Made-up 100, portable, fp32, batch 8, {kind} scaling" for kind in ("strong", "weak")}
    rates, shares = (points(axes) for axes in drawn.axes)
    assert rates == {names["strong"]: [[1, 100], [2, 150], [4, 200]], names["weak"]: [[1, 100], [2, 190]]}
    assert shares == {names["strong"]: [[1, 100], [2, 75], [4, 50]], names["weak"]: [[1, 100], [2, 95]]}


def test_batch_sizes_have_a_panel_for_each_kind_of_work_that_had_several():
    records = [
        record("inference", conditions={"batch": batch}, runs=[run(1, {"images_per_s": [10.0 * batch]})])
        for batch in (1, 8)
    ]
    drawn = batches("sample", of([*records, record("train", [3.0])]))

    assert [axes.get_ylabel() for axes in drawn.axes] == ["inference (images/s)"]
    assert batches("sample", of([record("train", [3.0])])) is None
    assert gpus("sample", of([record("train", [3.0])])) is None
