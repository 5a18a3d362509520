import pytest

from harness.measure.plan import BenchPlan
from harness.measure.timing import of_batches, of_epochs, of_training
from tests.yolo_v4.emulated_device import train

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


def test_of_an_engine_that_tells_no_steps_neither_the_first_epoch_nor_the_last_is_measured():
    epochs = [epoch(number, {}) for number in (1, 2, 3)]
    found, left_out = of_training([*epochs, epoch(4, {}, duration_s=60.0)], batch=4, frames=50, plan=PLAN)

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


def test_lines_of_the_log_without_an_epoch_are_passed_over():
    log = "epoch,loss,mAP\nnan,1.0,0.5\n\n1,3.5,0.2,too,many\ntwo,2.5,0.45\n"
    found = values(of_epochs(log, [], batch=4, frames=18, began_s=90.0, target=0.4))
    assert (found["epoch_loss"], found["epoch_end_s"]) == ((3.5,), (None,))


@pytest.mark.parametrize("steps", [8, 17, 110])
@pytest.mark.parametrize(("step_s", "data_s"), [(0.05, 0.0), (0.05, 0.03), (0.01, 0.04)])
def test_the_rate_of_a_training_is_that_of_its_device(tmp_path, monkeypatch, steps, step_s, data_s):
    device, phases = train(tmp_path, monkeypatch, steps=steps, step_s=step_s, data_s=data_s, epochs=4)
    found, warm_up_steps = of_training(phases, batch=4, frames=4 * steps, plan=PLAN)

    # The first step of an epoch waits for its data with an idle device, as those of three epochs here do.
    slower_s = max(step_s, data_s + 0.0002)
    counted = 4 * steps - warm_up_steps
    true_s = (counted - 3) * slower_s + 3 * (data_s + 0.0002 + step_s)
    assert values(found)["train_images_per_s"][0] == pytest.approx(4 * counted / true_s, rel=0.005)
    assert sum(values(found)["train_wait_s"]) <= device.waited_s + 1e-6


@pytest.mark.parametrize("gpus", [2, 4, 8, 16])
def test_weak_scaling_on_an_emulated_device_has_the_efficiency_that_it_has(tmp_path, monkeypatch, gpus):
    # Communication costs 1 % of a step for each doubling; an epoch has ever fewer steps.
    step_s = {count: 0.05 * (1 + 0.01 * (count.bit_length() - 1)) for count in (1, gpus)}
    rates = {}
    for count in step_s:
        (tmp_path / str(count)).mkdir()
        study = {"steps": 128 // count, "step_s": step_s[count], "data_s": 0.0, "epochs": 6}
        _, phases = train(tmp_path / str(count), monkeypatch, **study)
        found, _ = of_training(phases, batch=4 * count, frames=512, plan=PLAN)
        rates[count] = values(found)["train_images_per_s"][0]

    assert rates[1] == pytest.approx(4 / 0.05, rel=0.005)
    efficiency = rates[gpus] / (gpus * rates[1])
    assert efficiency == pytest.approx(step_s[1] / step_s[gpus], rel=0.005)
