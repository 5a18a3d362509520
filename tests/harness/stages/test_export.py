"""An export in int8 that could not be judged is written on a word of its user's, which reaches the engine."""

import argparse
import dataclasses
import json
import re

import pytest

from harness.settings.declared import SPECS
from harness.stages.export import Export
from harness.verbs.run import stages


@pytest.fixture
def int8(done, tmp_path):
    """`jamcam` in a finished workspace, with a recipe that differs in the precision of its export."""
    recipe = tmp_path / "smoke8.toml"
    recipe.write_text('precision = "int8"\n' + (SPECS / "recipes" / "smoke.toml").read_text())
    done.recipe = f"--recipe={recipe}"
    return done


def words_of_engine(workspace):
    return json.loads((workspace / ".markers" / "export.json").read_text())["argv"][-1]


def test_the_word_reaches_the_engine(int8):
    int8("export", int8.recipe)
    assert "--force" not in words_of_engine(int8.workspace)

    (int8.workspace / ".markers" / "export.json").unlink()
    int8("export", int8.recipe, "--force")
    assert "--force" in words_of_engine(int8.workspace)


def test_the_word_goes_through_a_queue(int8, settings, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "harness.verbs.queue.through_queue", lambda settings, words, stages: asked.append(words) or 0
    )
    chosen = settings(recipe=int8.recipe.removeprefix("--recipe="), platform="slurm")

    assert stages(["export"], chosen, argparse.Namespace(force=True, verbose=False)) == 0
    assert asked == [["export", "--force"]]


def test_what_was_written_by_force_stays_without_the_word(int8):
    int8("export", int8.recipe, "--force")

    assert "nothing to do" in int8("all", int8.recipe)


@pytest.mark.parametrize(
    ("via", "way"), [("", r"jamcam export .* --force"), ("make", r"make export .* FORCE=1")]
)
def test_an_int8_that_fails_names_the_way_to_write_it_unjudged(int8, via, way):
    printed = int8("export", int8.recipe, status=1, FAKE_YOLO_V4="export=crash", JAMCAM_VIA=via)

    remedy = next(line for line in printed.splitlines() if line.startswith("  try: "))
    assert "then go on with: " in remedy
    assert re.search(f"int8 that could not be judged is written by: {way}$", remedy), remedy


def test_what_fails_by_force_and_what_is_no_int8_names_no_such_way(int8):
    forced = int8("export", int8.recipe, "--force", status=1, FAKE_YOLO_V4="export=crash")
    (int8.workspace / ".markers" / "export.json").unlink()
    plain = int8("export", status=1, FAKE_YOLO_V4="export=crash")

    assert "could not be judged" not in forced
    assert "could not be judged" not in plain


def test_the_word_is_refused_where_no_int8_would_be_written(done):
    printed = done("export", "--force", status=2)

    assert "FORCE writes int8 that could not be judged, and smoke exports fp32" in printed


def test_nvidias_program_is_not_given_a_flag_that_it_lacks(int8, settings, tmp_path):
    chosen = settings(recipe=int8.recipe.removeprefix("--recipe="), engine="tao", tao_version="5.0.0")
    (request,) = Export(settings=dataclasses.replace(chosen, forced=True)).requests(tmp_path)

    assert "--force" not in request.arguments
