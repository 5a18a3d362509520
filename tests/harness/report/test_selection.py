import pytest

from harness.measure.record import repeats
from harness.report.selection import energy_name, hardware, joules_per_1000, newest, setup
from harness.text import number
from tests.harness.made import joules, machine, observed, record, run


def test_a_set_up_is_told_in_two_lines():
    four = record(
        platform="jade", machine=machine(gpus=4), conditions={"gpus": 4, "nodes": 2, "precision": "bf16"}
    )

    assert setup(four).words == "jade: 8× Made-up 100\nportable, bf16, batch 4"
    mixed = setup(record("train", [1.0], conditions={"mixed_precision": True})).words
    assert mixed == "local: Made Up E5, 2 cores\nportable, mixed precision, batch 4"
    assert setup(record()).words == "local: Made Up E5, 2 cores\nportable, fp32, batch 4"
    assert setup(record(machine=None, conditions={"batch": None})).line == (
        "local: hardware not recorded, portable, fp32"
    )


def test_a_cpu_is_called_what_people_call_it():
    assert hardware(record(machine=machine(cpu="Intel(R) Xeon(R) CPU E5-2690 v4 @ 2.60GHz"))) == (
        "Intel Xeon E5-2690 v4, 2 cores"
    )


def test_of_each_set_up_the_newest_that_may_be_compared_is_shown():
    clean = record("train", [1.0], started="2026-01-01T00:00:00Z")
    later = record("train", [2.0], started="2026-01-02T00:00:00Z")
    busy = record("train", [3.0], started="2026-01-03T00:00:00Z", observed=observed(other_cpu_pct=50.0))
    other = record("train", [4.0], conditions={"batch": 8})
    empty = record("train", started="2026-01-04T00:00:00Z")

    assert list(newest([busy, later, other, clean, empty], "train").values()) == [later, other]
    assert list(newest([busy], "train").values()) == [busy]
    assert newest([clean], "chain") == {}


def test_steps_of_a_run_count_once():
    # Three runs of three steps: medians 2, 5 and 8; the None and the NaN were not read.
    steps = [[1.0, 2.0, 3.0], [4.0, None, 6.0], [8.0, float("nan")]]
    found = record(runs=[run(n, {"train_step_s": values}) for n, values in enumerate(steps, 1)])

    assert repeats(found, "train_step_s") == [2.0, 5.0, 8.0]
    assert repeats(found, "train_step_s", of="verify") == []


def test_energy_of_a_run_is_that_of_all_its_devices_of_a_kind():
    watched = run(
        1, {}, images=50, energy=[joules(10.0), joules(15.0, device="gpu1"), joules(4.0, device="cpu")]
    )
    unwatched = run(2, {}, images=50)
    found = record(runs=[watched, unwatched])

    assert joules_per_1000(found, "gpu") == [1000 * 25 / 50]
    assert joules_per_1000(found, "cpu") == [1000 * 4 / 50]
    assert energy_name(found, "gpu") == "GPU, its own counter"


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1,234"), (36.24, "36.2"), (0.04567, "0.0457"), (100.4, "100")]
)
def test_a_number_has_three_digits(value, text):
    assert number(value) == text
