"""A workspace that commit 7d5a361 finished is read as done: the form of markers and fingerprints stays.

`tests/fixtures/workspace-7d5a361` was made by that commit, at /srv/jamcam, from six pictures and with the
engine in its folder bin. It has its own recipe, data-set file and copies of the specs, so that later changes
of those that are shipped do not concern it. The archive and the record of copied specs were left out: a
finished workspace needs neither.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.reproduce.source import read_run
from harness.settings.load import load_settings
from harness.stages.workflow import survey
from harness.workspace.marker import STAGES

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "workspace-7d5a361"


@pytest.fixture
def options(tmp_path, monkeypatch):
    """What that workspace was made with, and where a copy of it stands."""
    shutil.copytree(FIXTURE / "workspace", tmp_path / "workspace")
    monkeypatch.setenv("PATH", f"{FIXTURE / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return {
        "recipe": str(FIXTURE / "smoke.toml"),
        "dataset": str(FIXTURE / "tiny.toml"),
        "engine": "here",
        "workspace": str(tmp_path / "workspace"),
    }


# Their products say more since then, so their revisions were raised.
RAISED = {"train", "eval", "export"}
MADE_ANEW = {*RAISED, "vis"}  # which follows train
ANEW = "this stage works differently since (revision 2)"


@pytest.mark.parametrize("deep", ["0", "1"])
def test_no_stage_would_run_in_it_but_those_of_a_new_revision(options, deep):
    steps = survey(load_settings({**options, "deep": deep}, {}), STAGES)

    assert {step.stage for step in steps if step.reasons} == MADE_ANEW
    assert all(ANEW in step.reasons for step in steps if step.stage in RAISED)


def test_a_changed_setting_is_told_from_the_ingredients_it_kept(options):
    steps = survey(load_settings({**options, "epochs": "3"}, {}), ["train"])

    assert steps[-1].reasons == ("epochs was 2, is now 3", ANEW)


def test_the_number_format_is_understood_though_its_key_was_mixed_precision_then(options):
    assert survey(load_settings(options, {}), ["train"])[-1].reasons == (ANEW,)

    other = survey(load_settings({**options, "numbers": "auto"}, {}), ["train"])
    assert other[-1].reasons == ("numbers was fp32, is now auto", ANEW)
    assert read_run(Path(options["workspace"])).facts["numbers"] == "fp32"


def test_status_says_that_the_other_stages_are_done(options, checkout):
    words = [
        sys.executable,
        "-m",
        "harness",
        "status",
        *(f"--{name}={text}" for name, text in options.items()),
    ]

    shown = subprocess.run(words, cwd=checkout, capture_output=True, text=True, check=True).stdout

    rows = [line.split()[:2] for line in shown.splitlines()]
    done = [[stage, "done"] for stage in STAGES if stage not in MADE_ANEW]
    assert [row for row in rows if row[0] in set(STAGES) - MADE_ANEW] == done


@pytest.mark.parametrize("deep", ["0", "1"])
def test_comments_blank_lines_and_indentation_of_its_specs_may_change(options, deep):
    for spec in (Path(options["workspace"]) / "specs").glob("*.txt"):
        lines = [f"\t{line.strip()}  # mine\n\n" for line in spec.read_text().splitlines()]
        spec.write_text("# my own copy\n" + "".join(lines))

    steps = survey(load_settings({**options, "deep": deep}, {}), STAGES)

    assert {step.stage for step in steps if step.reasons} == MADE_ANEW


def test_a_changed_value_is_named_with_its_line_also_beside_a_changed_comment(options):
    spec = Path(options["workspace"]) / "specs" / "yolo_v4_train_resnet10_smoke.txt"
    lines = ["# my own copy", *spec.read_text().splitlines()]
    place = lines.index("  hue: 0.1")
    lines[place] = "  hue: 0.2"
    spec.write_text("\n".join(lines) + "\n")

    steps = {step.stage: step for step in survey(load_settings(options, {}), STAGES)}

    assert steps["convert-data"].reasons == ()
    changed = f"spec line {place + 1} was 'hue: 0.1', is now 'hue: 0.2'"
    assert steps["train"].reasons == (changed, ANEW)


def test_ingredients_that_are_not_those_of_the_marker_are_not_judged_by(options):
    workspace = Path(options["workspace"])
    spec = workspace / "specs" / "yolo_v4_train_resnet10_smoke.txt"
    spec.write_text(spec.read_text().replace("hue: 0.1", "hue: 0.2"))
    kept = workspace / ".markers" / "inputs" / "train.json"
    kept.write_text(kept.read_text().replace("hue: 0.1", "hue: 0.2  # edited afterwards"))

    steps = survey(load_settings(options, {}), ["train"])

    assert steps[-1].reasons != ()
