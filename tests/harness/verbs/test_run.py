from pathlib import Path

from harness.errors import StageFailed
from harness.stages.workflow import Ending
from harness.verbs.run import closing


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

    expected = [
        "stage   this run     took  products",
        "verify  was done",
        "train   FAILED",
        "eval    not reached",
        "",
    ]
    expected += [f"last lines of {log}:", *(f"  line {number}" for number in range(6, 21))]
    assert closing(endings, settings()).splitlines() == expected
