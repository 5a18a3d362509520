import pytest

from harness.errors import ConfigError
from harness.measure.efficiency import batches, with_efficiency
from tests.harness.made import machine, record


@pytest.fixture
def study():
    """A record of a study on eight frames a step and GPU, or on eight frames in all."""

    def make(kind, gpus, rates=(), *, started="2026-03-01T10:15:00Z", conditions=None, **changes):
        batch = 8 // gpus if kind == "strong" else 8
        told = {"scaling": kind, "gpus": gpus, "batch": batch, "epochs": 3 * gpus, **(conditions or {})}
        return record(
            "scaling", rates, started=started, machine=machine(gpus=gpus), conditions=told, **changes
        )

    return make


@pytest.fixture
def one(study):
    """What one GPU does: a median of 100 images a second."""
    return study("strong and weak", 1, [90.0, 100.0, 120.0])


def efficiency(found):
    """[(name, of, values)] of each run."""
    return [
        (each.name, each.of, each.values)
        for run in found.runs
        for each in run.measurements
        if each.name.endswith("_efficiency_pct")
    ]


def test_strong_scaling_divides_the_batch_and_weak_scaling_gives_it_to_each_gpu(settings):
    assert batches(settings(batch="8", gpus="4")) == {"strong": 2, "weak": 8}
    assert batches(settings(batch="8", gpus="2", nodes="2")) == {"strong": 2, "weak": 8}
    assert batches(settings(batch="8")) == {"strong and weak": 8}


def test_a_batch_that_cannot_be_divided_is_refused_with_one_that_can(settings):
    with pytest.raises(ConfigError) as caught:
        batches(settings(batch="8", gpus="3"))

    assert "8 frames (command line) cannot be divided by 3" in caught.value.message
    assert caught.value.remedy == "give BATCH=9"


def test_efficiency_is_the_share_of_what_as_many_gpus_could_give(study, one):
    # Four GPUs could give 400 images a second; they give 300, then 320.
    weak = with_efficiency(study("weak", 4, [300.0, 320.0]), [one])
    assert efficiency(weak) == [
        ("weak_efficiency_pct", one.id, (75.0,)),
        ("weak_efficiency_pct", one.id, (80.0,)),
    ]
    strong = with_efficiency(study("strong", 2, [130.0]), [one])
    assert efficiency(strong) == [("strong_efficiency_pct", one.id, (65.0,))]


def test_a_study_that_begins_with_two_gpus_is_measured_by_those(study):
    two = study("weak", 2, [180.0])

    found = with_efficiency(study("weak", 4, [270.0]), [study("strong", 2, [170.0]), two])
    assert efficiency(found) == [("weak_efficiency_pct", two.id, (75.0,))]


def test_the_fewest_gpus_count_and_of_those_the_newest(study, one):
    newer = study("strong and weak", 1, [200.0], started="2026-03-02T00:00:00Z")

    found = with_efficiency(study("weak", 4, [300.0]), [newer, one, study("weak", 2, [180.0])])
    assert efficiency(found) == [("weak_efficiency_pct", newer.id, (37.5,))]


@pytest.mark.parametrize(
    "changes",
    [
        {"platform": "elsewhere"},
        {"status": "failed"},
        {"conditions": {"batch": 4}},
        {"conditions": {"train_steps": 9}},
        {"rates": []},
    ],
)
def test_other_work_or_none_is_no_base(study, changes):
    base = study("strong and weak", 1, **{"rates": [100.0], **changes})

    assert efficiency(with_efficiency(study("weak", 4, [300.0]), [base])) == []


def test_other_gpus_are_no_base_and_nor_are_as_many(study, one):
    slower = record("scaling", [50.0], machine=machine(gpus=1, name="Slow 10"), conditions=one.conditions)

    assert efficiency(with_efficiency(study("weak", 4, [300.0]), [slower, study("weak", 4, [310.0])])) == []
    assert efficiency(with_efficiency(one, [study("strong and weak", 1, [50.0])])) == []
