"""The level of each product, from the bytes down to the band of seeds; "cannot tell" passes for none."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from harness.measure.trained import read_trained
from harness.reproduce import quality
from harness.reproduce.differences import differences
from harness.reproduce.levels import Level
from harness.reproduce.quality import compare_quality
from harness.reproduce.sameness import compare_runs
from harness.reproduce.source import read_run, record_run
from harness.verdict import Verdict
from harness.workspace.layout import Workspace
from harness.workspace.marker import STAGES, digest_of
from tests.harness.measure.test_band import made, quantity


@pytest.fixture
def sides(finished_workspace, tmp_path):
    """Two copies of a finished workspace."""
    folders = tmp_path / "there", tmp_path / "here"
    for folder in folders:
        shutil.copytree(finished_workspace, folder)
    return folders


def rows(sides):
    there, here = map(read_run, sides)
    comparison = compare_runs(there, here, STAGES, differences(there, here))
    return Rows({row.name: row for row in comparison.rows}, network=comparison.network)


class Rows(dict):
    """Rows by the name of their product."""

    def __init__(self, rows, network):
        super().__init__(rows)
        self.network = network


def remake(root, name, content):
    """Another content of a product, as if its stage had made it: the marker names it."""
    from harness.files import digest_path

    path = root / name
    path.write_text(content)
    for marker in (root / ".markers").glob("*.json"):
        table = json.loads(marker.read_text())
        for product in table["products"]:
            if name == product["path"] or name.startswith(f"{product['path']}/"):
                product["sha256"] = digest_path(root / product["path"]).sha256
        marker.write_text(json.dumps(table))


def band(monkeypatch, root, **values):
    """A band that holds for the settings of that workspace, of these five values of each quantity."""
    trained = read_trained(Workspace(root), read_run(root).markers)
    told = {name: quantity(name, numbers, len(values)) for name, numbers in values.items()}
    settings = {name: value for name, value in trained.settings.items() if value is not None}
    one = made(recipe="smoke", family=tuple(told), quantities=told, settings=settings)
    monkeypatch.setattr(quality, "read_band", lambda recipe: one if recipe == "smoke" else None)


def score(sides, *, mAP, score=0.9):
    """Let the network here find something else, with that mAP."""
    metrics = json.loads((sides[1] / "experiment" / "metrics.json").read_text())
    remake(sides[1], "experiment/metrics.json", json.dumps({**metrics, "mAP": mAP}))
    text = (sides[1] / "experiment" / "detections.jsonl").read_text()
    remake(sides[1], "experiment/detections.jsonl", text.replace('"score": 0.5', f'"score": {score}'))


def test_equal_workspaces_have_the_same_bytes(sides):
    assert {row.level for row in rows(sides).values()} == {Level.BYTES}


def test_other_bytes_of_the_same_values_are_the_same_content(sides):
    metrics = json.loads((sides[1] / "experiment" / "metrics.json").read_text())
    remake(sides[1], "experiment/metrics.json", json.dumps(metrics, indent=7))
    row = rows(sides)["experiment/metrics.json"]
    assert (row.level, row.difference) == (Level.CONTENT, "other bytes")


def test_data_are_the_same_or_different(sides):
    (label, *_) = sorted((sides[1] / "data" / ".frames" / "labels").iterdir())
    name = f"data/.frames/labels/{label.name}"
    remake(sides[1], name, label.read_text().replace("0.00", "1.00", 1))
    row = rows(sides)["data/.frames/labels"]
    assert row.level is Level.DIFFERENT
    assert row.difference.startswith(f"{name} line 1 was ")


def test_networks_that_find_the_same_have_the_same_outputs(sides):
    score(sides, mAP=0.499, score=0.505)
    found = rows(sides)
    assert found["experiment/metrics.json"].level is Level.OUTPUTS
    assert found["experiment/detections.jsonl"].level is Level.OUTPUTS
    assert "mAP was 0.5, is 0.499" in found["experiment/metrics.json"].difference
    assert found.network == "4 detections of both sides agree"


@pytest.mark.parametrize(("here", "level"), [(0.52, Level.QUALITY), (0.9, Level.DIFFERENT)])
def test_networks_that_find_something_else_are_judged_by_the_band(sides, monkeypatch, here, level):
    band(monkeypatch, sides[0], mAP=(0.46, 0.48, 0.5, 0.52, 0.54))
    score(sides, mAP=here)
    found = rows(sides)
    assert found["experiment/metrics.json"].level is level
    assert "4 of 4 detections have no partner" in found.network
    assert "in the band of 5 seeds" in found.network


def test_without_a_band_nobody_can_tell(sides, monkeypatch):
    monkeypatch.setattr(quality, "read_band", lambda recipe: None)
    score(sides, mAP=0.52)
    found = rows(sides)
    assert found["experiment/metrics.json"].level is Level.UNKNOWN
    assert "the recipe smoke has no band of seeds" in found.network


def test_of_another_result_that_lies_outside_the_band_says_nothing(sides, monkeypatch):
    band(monkeypatch, sides[0], mAP=(0.76, 0.78, 0.8, 0.82, 0.84))
    answer = compare_quality(*map(read_run, sides))
    assert answer.same is Verdict.CANNOT_TELL
    assert "the other result itself is not known to lie in the band" in answer.difference


def test_a_band_of_other_settings_is_not_asked(sides, monkeypatch):
    one = made(recipe="smoke")
    monkeypatch.setattr(quality, "read_band", lambda recipe: one)
    assert compare_quality(*map(read_run, sides)).same is Verdict.CANNOT_TELL


def test_a_recipe_is_asked_for_by_a_plain_name_only(sides):
    there = read_run(sides[0])
    answer = compare_quality(dataclasses.replace(there, facts={**there.facts, "recipe": "../x.toml"}), there)
    assert answer.same is Verdict.CANNOT_TELL


def test_what_was_not_made_here_is_different(sides):
    (sides[1] / "experiment" / "anchors.json").unlink()
    row = rows(sides)["experiment/anchors.json"]
    assert (row.level, row.difference) == (Level.DIFFERENT, "it was not made here")


@pytest.mark.parametrize(
    ("name", "contents", "difference"),
    [
        ("labels.txt", ("car", "bus"), "experiment/export/labels.txt line 1 was car, is bus"),
        ("notes.txt", ("car", None), "experiment/export/notes.txt is on one side only"),
        ("model.json", ('{"w": 1}', '{"w": 2}'), ""),
    ],
)
def test_of_an_export_the_network_alone_is_judged_by_what_it_finds(sides, name, contents, difference):
    for side, content in zip(sides, contents, strict=True):
        if content is not None:
            remake(side, f"experiment/export/{name}", content)
    row = rows(sides)["experiment/export"]
    if difference:
        assert (row.level, row.difference) == (Level.DIFFERENT, difference)
    else:
        assert row.level is Level.OUTPUTS  # both have the same detections.jsonl


def test_what_is_gone_there_and_other_here_cannot_be_told(sides):
    (sides[0] / "data" / "split.json").unlink()
    remake(sides[1], "data/split.json", "{}")
    row = rows(sides)["data/split.json"]
    assert row.level is Level.UNKNOWN
    assert "not at hand there" in row.difference


def test_a_marker_that_names_other_bytes_than_both_have_cannot_be_believed(sides):
    path = sides[0] / ".markers" / "export.json"
    table = json.loads(path.read_text())
    table["products"][0]["sha256"] = "0" * 64
    path.write_text(json.dumps(table))
    row = rows(sides)["experiment/export"]
    assert row.level is Level.UNKNOWN
    assert "its marker names other bytes" in row.difference


def test_the_first_product_that_differs_is_the_cause_of_those_made_of_it(sides):
    remake(sides[1], "data/split.json", "{}")
    remake(sides[1], "experiment/model_output_labels.txt", "car")
    found = rows(sides)
    (cause,) = found["data/split.json"].causes
    assert cause.startswith("no recorded fact differs")
    assert found["experiment/model_output_labels.txt"].causes == (
        "what it was made from differs: data/split.json",
    )


RECORD = Path(__file__).resolve().parents[3] / "tests" / "fixtures" / "results" / "local"


def test_a_record_tells_scores_and_the_digest_of_the_data(sides, tmp_path, checkout):
    (folder,) = sorted((checkout / "results" / "local").glob("20261125T005931Z-chain-*"))
    there, here = record_run(folder), read_run(sides[1])
    assert there.scores == {"mAP": 0.40441241338099604, "loss": 250.54051717122397}
    assert (there.facts["epochs"], there.facts["torch"]) == (7, "2.13.0+cpu")
    same = dataclasses.replace(
        here, scores=there.scores, facts={**here.facts, "data_sha256": there.facts["data_sha256"]}
    )

    levels = {row.name: row.level for row in compare_runs(there, same, STAGES, []).rows}
    assert levels == {"data": Level.BYTES, "mAP": Level.CONTENT, "loss": Level.CONTENT}

    levels = {row.name: row.level for row in compare_runs(there, here, STAGES, []).rows}
    assert levels == {"data": Level.DIFFERENT, "mAP": Level.UNKNOWN, "loss": Level.UNKNOWN}


def test_a_run_is_named_by_what_was_run_and_what_came_out(sides):
    first, second = map(read_run, sides)
    assert first.digest == second.digest
    remake(sides[1], "data/split.json", "{}")
    assert read_run(sides[1]).digest != first.digest
    assert first.facts["spec_sha256"] == digest_of(first.ingredients["train"]["inputs"]["spec"])
