import json
import time

import pytest

from harness.engine.phases import computing, engine_phases


def write(folder, *lines):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "status.json").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_our_phases_are_taken_as_told_behind_the_launch(tmp_path):
    told = [
        {
            "phase": "start-up",
            "started_unix_s": 1002.5,
            "duration_s": 1.0,
            "status": "RUNNING",
            "date": "1/8/2026",
        },
        {
            "phase": "epoch",
            "epoch": 1,
            "started_unix_s": 1003.5,
            "duration_s": 2.0,
            "wait_s": [0.1],
            "work_s": [1.9],
        },
    ]
    write(tmp_path / "products" / "experiment", *told)

    assert engine_phases(tmp_path, started_s=1000.0, ended_s=1010.0) == [
        {"phase": "launch", "started_unix_s": 1000.0, "duration_s": 2.5},
        {"phase": "start-up", "started_unix_s": 1002.5, "duration_s": 1.0},
        told[1],
    ]


@pytest.mark.parametrize("hours_apart", [0, 1, -5])
def test_nvidias_epochs_are_found_from_its_clock_in_whatever_zone(tmp_path, hours_apart):
    ended_s = 1767862860.0
    lines = []
    for epoch, before_s in ((1, 130), (2, 10)):
        when = time.localtime(ended_s - before_s + 3600 * hours_apart)
        clock = {"date": f"{when.tm_mon}/{when.tm_mday}/{when.tm_year}"}
        clock["time"] = f"{when.tm_hour}:{when.tm_min}:{when.tm_sec}"
        lines.append({"epoch": epoch, "max_epoch": 2, "time_per_epoch": "0:02:00.250000", **clock})
    write(tmp_path, *lines)

    launch, first, second = engine_phases(tmp_path, started_s=ended_s - 300, ended_s=ended_s)

    assert (launch["phase"], launch["duration_s"]) == ("launch", 49.75)
    assert (first["epoch"], first["duration_s"]) == (1, 120.25)
    assert second["started_unix_s"] + second["duration_s"] == ended_s - 10


@pytest.mark.parametrize(
    "odd",
    [
        {"date": "99/99/2026", "time": "1:2:3", "epoch": 1, "time_per_epoch": "0:02:00"},
        {"date": "1/8/99999999", "time": "1:2:3", "epoch": 1, "time_per_epoch": "0:02:00"},
        {"date": "1/8/2026", "time": "1:2:3", "time_per_epoch": "0:02:00"},
        {"date": "1/8/2026", "time": "1:2:3", "epoch": "one", "time_per_epoch": "0:02:00"},
        {"date": "1/8/2026", "time": "1:2:3", "epoch": 1, "time_per_epoch": "0:02:1.2.3"},
        {"date": "1/8/2026", "time": "1:2:3", "epoch": 1, "time_per_epoch": "0:02:..."},
    ],
)
def test_lines_with_impossible_clocks_or_epochs_are_no_phases(tmp_path, odd):
    write(tmp_path, odd)
    assert engine_phases(tmp_path, started_s=0.0, ended_s=1767862860.0) == []


def test_phases_of_an_earlier_try_and_of_a_clock_set_back_are_left_out(tmp_path):
    write(
        tmp_path,
        {"phase": "epoch", "epoch": 1, "started_unix_s": 500.0, "duration_s": 1.0},
        {"phase": "epoch", "epoch": 2, "started_unix_s": 1001.0, "duration_s": -3.0},
        {"phase": "epoch", "epoch": 3, "started_unix_s": 1002.0, "duration_s": 1.0},
    )

    assert [one.get("epoch") for one in engine_phases(tmp_path, started_s=1000.0, ended_s=1010.0)] == [
        None,
        3,
    ]


def test_an_engine_that_tells_nothing_has_no_phases(tmp_path):
    write(tmp_path, {"status": "SUCCESS", "date": "yesterday", "time": "noon"})

    assert engine_phases(tmp_path, started_s=0.0, ended_s=1.0) == []


def test_how_an_engine_computed_is_what_it_told_last(tmp_path):
    own = {"device": "cpu", "flops_per_image": 7, "numbers": "auto: bf16, in which the run began"}
    numerics = {"processor": "AVX2", "torch": "2.5.1+cpu", "threads": 2, "number_format": "bf16"}
    numerics["runtime"] = "onnxruntime"
    write(tmp_path / "1", {"computing": own, "numerics": {**numerics, "threads": 8}})
    write(
        tmp_path / "2", {"status": "STARTED"}, {"computing": own, "numerics": numerics}, {"status": "SUCCESS"}
    )

    assert computing(tmp_path) == {
        "device": "cpu",
        "processor": "AVX2",
        "number_format": "bf16",
        "torch": "2.5.1+cpu",
        "torch_threads": 2,
        "runtime": "onnxruntime",
        "flops_per_image": 7,
        "numbers": "auto: bf16, in which the run began",
    }


@pytest.mark.parametrize("lines", [[], [{"status": "SUCCESS"}], [{"computing": "fast", "numerics": "AVX2"}]])
def test_of_an_engine_that_does_not_tell_how_it_computes_nothing_is_known(tmp_path, lines):
    write(tmp_path, *lines)

    assert set(computing(tmp_path).values()) == {None}


def test_what_a_record_cannot_hold_is_not_known_of_an_engine(tmp_path):
    own = {"device": ["cpu"], "flops_per_image": float("nan")}
    write(tmp_path, {"computing": own, "numerics": {"threads": {"of": 2}, "torch": "2.5.1"}})

    told = {name: value for name, value in computing(tmp_path).items() if value is not None}
    assert told == {"torch": "2.5.1"}


def test_lines_of_an_engine_that_are_no_phases_are_passed_over(tmp_path):
    write(tmp_path, {"phase": "epoch"}, {"phase": 7, "started_unix_s": 1.0, "duration_s": 1.0})

    assert engine_phases(tmp_path, started_s=0.0, ended_s=9.0) == []
