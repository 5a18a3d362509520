from harness.stages.workflow import Step
from harness.verbs.look import config, plan, status, status_table
from harness.workspace.layout import Workspace
from harness.workspace.lock import Holder, take
from harness.workspace.marker import forget


def test_a_plan_can_be_typed_and_says_why():
    steps = [
        Step(stage="verify", marker=None, reasons=()),
        Step(
            stage="gen-valid", marker=None, reasons=("seed was 1, is now 2",), own=("seed was 1, is now 2",)
        ),
        Step(
            stage="train",
            marker=None,
            reasons=("epochs was 2, is now 3", "gen-valid comes first: seed was 1, is now 2"),
            own=("epochs was 2, is now 3",),
            after=("gen-valid",),
            argv=(("yolo_v4", "train", "a b"),),
        ),
    ]

    assert plan(steps) == (
        "# gen-valid: seed was 1, is now 2\n"
        "# (done by the harness itself; no engine is asked)\n"
        "# train: epochs was 2, is now 3; after gen-valid\n"
        "yolo_v4 train 'a b'"
    )


def test_the_table_of_stages_says_how_many_more_reasons_there_are():
    reasons = ("epochs was 2, is now 3", "seed was 1, is now 2", "batch was 4, is now 8")

    rows = status_table(
        [Step(stage="train", marker=None, reasons=reasons), Step(stage="eval", marker=None, reasons=())]
    ).splitlines()

    assert " ".join(rows[1].split()) == "train to do epochs was 2, is now 3 and 2 more"
    assert " ".join(rows[2].split()) == "eval done"


def test_the_table_of_settings_has_the_users_names_and_the_value_and_origin_of_each(settings):
    rows = [line.split(maxsplit=2) for line in config(settings(val_split="15")).splitlines()]

    assert ["val_split", "15.0", "command line"] in rows
    assert ["recipe", "smoke", "command line"] in rows
    assert ["batch", "4", "recipe smoke"] in rows
    assert len(rows) == 1 + 29


def test_status_ends_with_what_goes_on_in_the_workspace(settings, done):
    workspace = Workspace(done.workspace)
    take(workspace, Holder(host="node7", pid=7, started="1"))
    forget(workspace, "export")

    *table, last = status(settings()).text.splitlines()

    assert table[0].startswith("recipe smoke, data set tiny")
    assert table[-1].split()[:2] == ["export", "to"]
    assert last.startswith("held since ")
    assert last.endswith(" by process 7 on node7")
