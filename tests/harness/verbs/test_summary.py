from pathlib import Path

import pytest

from harness.errors import StageFailed
from harness.stages.workflow import Ending, Step
from harness.text import columns, duration
from harness.verbs.summary import closing, plan


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.04, "0.0 s"), (59.9, "59.9 s"), (65, "1 min 05 s"), (7380, "2 h 03 min")]
)
def test_durations_read_as_people_say_them(seconds, expected):
    assert duration(seconds) == expected


def test_columns_stand_below_each_other_without_blanks_at_the_end():
    assert columns([("stage", "state"), ("gen-valid", "")]) == "stage      state\ngen-valid"


def test_a_plan_can_be_typed_and_says_why():
    steps = [
        Step(stage="verify", marker=None, reasons=()),
        Step(stage="gen-valid", marker=None, reasons=("seed was 1, is now 2",)),
        Step(stage="train", marker=None, reasons=("gen-valid comes first",), argv=(("yolo_v4", "train", "a b"),)),
    ]

    assert plan(steps) == (
        "# gen-valid: seed was 1, is now 2\n"
        "# (done by the harness itself; no engine is asked)\n"
        "# train: gen-valid comes first\n"
        "yolo_v4 train 'a b'"
    )


def test_the_next_command_goes_on_in_the_same_workspace(settings):
    chosen = settings()
    last = closing([Ending(stage="verify", outcome="done")], chosen).splitlines()[-1]
    assert last == f"next: {chosen.command('gen-valid')}"
    assert f"--workspace={chosen.workspace}" in last


def test_a_run_that_failed_ends_with_the_last_lines_of_the_log(settings, tmp_path: Path):
    log = tmp_path / "console.log"
    log.write_text("".join(f"line {number}\n" for number in range(1, 21)))
    failed = Ending(stage="train", outcome="failed", error=StageFailed("no", remedy="x"), log=log)
    endings = [Ending(stage="verify", outcome="kept"), failed, Ending(stage="eval", outcome="not reached")]

    expected = ["stage   this run     took  products", "verify  was done", "train   FAILED", "eval    not reached", ""]
    expected += [f"last lines of {log}:", *(f"  line {number}" for number in range(6, 21))]
    assert closing(endings, settings()).splitlines() == expected
