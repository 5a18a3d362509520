import pytest

from harness.measure.compare import obstacles
from harness.measure.record import Code, repeats
from harness.report.selection import (
    chain_of,
    energy_name,
    hardware,
    is_comparable,
    joules_per_1000,
    newest,
    origin,
    setup,
)
from harness.text import number
from tests.harness.made import FACTS, joules, machine, observed, record, run


def test_a_set_up_is_told_in_two_lines():
    four = record(
        platform="jade",
        machine=machine(gpus=4),
        conditions={"gpus": 4, "nodes": 2},
        facts={**FACTS, "number_format": "bf16"},
    )

    assert setup(four).words == "jade: 8× Made-up 100\nportable, bf16, batch 4"
    mixed = setup(record("train", [1.0], conditions={"mixed_precision": True}, facts={})).words
    assert mixed == "local: Made Up E5, 2 cores\nportable, mixed precision, batch 4"
    assert setup(record()).words == "local: Made Up E5, 2 cores\nportable, fp32, batch 4"
    assert setup(record(machine=None, conditions={"batch": None})).line == (
        "local: hardware not recorded, portable, fp32"
    )
    # The condition `precision` is that of the exported model, and says nothing of an evaluation.
    assert setup(record("evaluate", facts={})).software == "portable, batch 4"


def test_a_record_that_tells_its_number_format_stands_for_an_older_one_that_did_not():
    told = {"mixed_precision": True}
    older = record("train", [1.0], conditions=told, facts={}, started="2026-01-01T00:00:00Z")
    later = record("train", [2.0], conditions=told, started="2026-01-02T00:00:00Z")
    bf16 = record("train", [3.0], conditions=told, facts={**FACTS, "number_format": "bf16"})

    assert list(newest([older, later], "train").values()) == [later]
    assert [one.precision for one in newest([later, bf16], "train")] == ["bf16", "fp32"]


def test_what_nobody_watched_is_not_shown_in_place_of_what_was_watched():
    watched = record("train", [1.0], started="2026-01-01T00:00:00Z")
    unwatched = record("train", [2.0], started="2026-01-02T00:00:00Z", probe=None)

    assert list(newest([watched, unwatched], "train").values()) == [watched]
    assert not is_comparable(unwatched)


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


@pytest.mark.parametrize(
    ("condition", "here", "there", "told"),
    [
        ("epochs", 14, 7, {"14 epochs", "7 epochs"}),
        ("limit", 0, 100, {"limit 0", "limit 100"}),
        ("data_sha256", "029f6d6f43baceb8", "1b" * 8, {"data 029f6d6f", "data 1b1b1b1b"}),
        ("engine_version", "0.1.0", "0.2.0", {"version 0.1.0", "version 0.2.0"}),
        ("a_new_one", True, False, {"a new one True", "a new one False"}),
    ],
)
def test_what_compare_refuses_is_a_row_of_its_own_and_says_why(condition, here, there, told):
    records = [
        record("train", [1.0], conditions={condition: here}, started="2026-01-01T00:00:00Z"),
        record("train", [2.0], conditions={condition: there}, started="2026-01-02T00:00:00Z"),
    ]
    shown = newest(records, "train")

    assert {one.differs for one in shown} == told
    assert {one.words.splitlines()[-1] for one in shown} == told
    assert obstacles(records[:1], records[1:])


def test_rows_of_two_platforms_say_why_they_must_not_be_compared():
    records = [
        record("train", [1.0], conditions={"limit": 0, "seed": 1}),
        record("train", [2.0], platform="jade", conditions={"limit": 50, "seed": 1, "batch": 8}),
    ]

    assert [one.differs for one in newest(records, "train")] == ["limit 50", "limit 0"]


def test_what_an_older_record_does_not_tell_makes_no_row():
    older = record("train", [1.0], started="2026-01-01T00:00:00Z")
    later = record("train", [2.0], started="2026-01-02T00:00:00Z", conditions={"a_new_one": "x"})
    elsewhere = record("train", [3.0], platform="jade")

    assert list(newest([older, later], "train").values()) == [later]
    assert {one.platform: one.differs for one in newest([older, later, elsewhere], "train")} == {
        "local": "a new one x",
        "jade": "a new one not recorded",
    }


def test_of_a_scaling_study_what_it_varies_makes_no_difference():
    study = [
        record(
            "scaling",
            [1.0],
            machine=machine(gpus=gpus),
            conditions={"gpus": gpus, "scaling": kind, "epochs": gpus},
        )
        for gpus, kind in ((1, "strong and weak"), (2, "weak"))
    ]

    assert [one.differs for one in newest(study, "scaling")] == ["", ""]


def test_the_chain_beside_a_training_is_one_of_the_same_conditions():
    # A bench trains for 7 epochs in its chain, and for one in the case train.
    trained = record("train", [1.0], bench="b", conditions={"epochs": 1, "limit": 0})
    of_bench = record("chain", [1.0], bench="b", conditions={"epochs": 7, "limit": 0})
    later = record(
        "chain", [1.0], bench="c", started="2026-05-01T00:00:00Z", conditions={"epochs": 7, "limit": 0}
    )
    other = record("chain", [1.0], bench="b", conditions={"epochs": 7, "limit": 50})

    assert chain_of(trained, [later, of_bench, other]) is of_bench
    assert chain_of(trained, [later, other]) is later
    assert chain_of(trained, [other]) is None


def test_a_chain_begins_before_there_are_frames_and_belongs_to_the_training_all_the_same():
    trained = record("train", [1.0], bench="b", facts={"data_caches": "warm"})
    chain = record("chain", [1.0], bench="b", facts={"data_caches": "does not exist here"})

    assert chain_of(trained, [chain]) is chain


def test_the_origin_of_several_records_is_their_days_and_commits():
    code = [Code(harness_version="0.1.0", git_commit=digit * 40, dirty=(), packages={}) for digit in "abcd"]
    records = [record(code=one, started=f"2026-01-0{day}T00:00:00Z") for day, one in enumerate(code, 1)]

    assert origin(records[:1]) == "2026-01-01, commit aaaaaaaa"
    assert origin(records) == "2026-01-01 to 2026-01-04, commit aaaaaaaa, bbbbbbbb and 2 more"
    assert origin([record(code=None)]) == "2026-03-01, commit not recorded"
