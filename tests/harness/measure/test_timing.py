import pytest

from harness.measure.plan import BenchPlan
from harness.measure.timing import of_batches, of_epochs, of_training

PLAN = BenchPlan(warm_up_steps=2)


def values(found):
    return {one.name: one.values for one in found}


def epoch(number, steps, **more):
    return {
        "phase": "epoch",
        "epoch": number,
        "started_unix_s": 100.0 * number,
        "duration_s": 10.0,
        **more,
        **steps,
    }


def test_training_is_timed_by_step_after_warm_up():
    # Two slow steps, then six of a quarter of a second each: 4 frames every 0.25 s.
    steps = {"wait_s": [0.1, 0.1] + [0.05] * 6, "work_s": [2.0, 1.0] + [0.2] * 6}
    found, left_out = of_training(
        [{"phase": "launch", "started_unix_s": 0.0, "duration_s": 1.5}, epoch(1, steps)],
        batch=4,
        frames=32,
        plan=PLAN,
    )

    assert left_out == 2
    assert values(found)["train_images_per_s"] == (pytest.approx(16.0),)
    assert values(found)["train_step_s"] == pytest.approx((0.25,) * 6)
    assert values(found)["train_wait_s"] == (0.05,) * 6
    assert values(found)["start_up_s"] == (1.5,)


def test_of_an_engine_that_tells_no_steps_the_first_epoch_is_the_warm_up():
    found, left_out = of_training([epoch(1, {}), epoch(2, {}), epoch(3, {})], batch=4, frames=50, plan=PLAN)

    assert left_out == 0
    assert values(found) == {"train_images_per_s": (5.0, 5.0), "start_up_s": (None,)}


def test_batches_are_timed_without_the_first_and_the_last_one_may_be_small():
    steps = {"wait_s": [1.0, 0.0, 0.0], "work_s": [1.0, 0.5, 0.25]}
    found = of_batches([{"phase": "inference", "duration_s": 3.0, **steps}], batch=8, images=20)

    assert values(found)["images_per_s"] == (16.0,)
    assert values(found)["batch_s"] == (0.5, 0.25)


def test_epochs_come_from_the_log_and_the_phases():
    log = "epoch,loss,mAP\r\n1,3.5,nan\r\n2,2.5,0.45\r\n3,1.5,0.6\r\n"
    phases = [epoch(number, {"wait_s": [0.0] * 5, "work_s": [2.0] * 5}) for number in (1, 2, 3)]
    phases.append({"phase": "validation", "epoch": 2, "started_unix_s": 210.0, "duration_s": 4.0})

    found = values(of_epochs(log, phases, batch=4, frames=18, began_s=90.0, target=0.4))

    assert found["epoch_loss"] == (3.5, 2.5, 1.5)
    assert found["epoch_mAP"] == (None, 0.45, 0.6)
    assert found["epoch_images_per_s"] == (2.0, 2.0, 2.0)
    assert found["epoch_end_s"] == (20.0, 124.0, 220.0)
    assert found["time_to_mAP_s"] == (124.0,)
    assert values(of_epochs(log, phases, batch=4, frames=18, began_s=90.0, target=0.9))["time_to_mAP_s"] == (
        None,
    )
