import hashlib
import json
import re
import zipfile

import pytest

from harness.cli import main
from harness.measure.record_files import begin_record, close_record
from tests.harness.made import record


@pytest.fixture
def street(finished_workspace, tiny_dataset, tmp_path, monkeypatch):
    """Options that name the finished workspace, its data set, and results with benches of two recipes."""
    results = tmp_path / "results"
    for recipe, month in (("smoke", 1), ("smoke", 2), ("sample", 3)):
        started = f"2026-0{month}-01T00:00:00Z"
        bench = f"20260{month}01T000000Z-0000"
        one = record("train", [1.0], conditions={"recipe": recipe}, started=started, bench=bench)
        close_record(begin_record(results, one), one)
    (results / "plots").mkdir()
    for name in ("stages-smoke.svg", "stages-sample.svg", "timeline-local.svg"):
        (results / "plots" / name).write_text("<svg/>")
    monkeypatch.chdir(tmp_path)
    return [f"--workspace={finished_workspace}", f"--dataset={tiny_dataset}", f"--results={results}"]


def test_a_crate_has_recipe_data_set_records_and_plots_and_its_sha256_is_told(street, tmp_path, capsys):
    assert main(["crate", "street.zip", *street]) == 0

    said = capsys.readouterr().out
    assert "described by their digests alone: weights and data (WITH=weights,data)\n" in said
    assert re.search(r"^packed: 9 stages, \d+ files, 0\.\d\d MiB: street\.zip\n", said, re.MULTILINE)
    assert f"sha256: {hashlib.sha256((tmp_path / 'street.zip').read_bytes()).hexdigest()}\n" in said
    with zipfile.ZipFile(tmp_path / "street.zip") as archive:
        names = {*archive.namelist()}
    assert {"specs/recipes/smoke.toml", "specs/datasets/tiny.toml"} <= names
    assert {name for name in names if name.startswith("results/")} == {
        "results/local/20260201T000000Z-train-0000/record.json",
        "results/plots/stages-smoke.svg",
        "results/plots/timeline-local.svg",
    }


def test_frames_on_request_come_with_the_archive(street, tmp_path, capsys):
    assert main(["crate", "all.zip", "--with=data", *street]) == 0

    assert "described by their digests alone: weights (WITH=weights)\n" in capsys.readouterr().out
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert "data/frames.zip" in archive.namelist()
        metadata = json.loads(archive.read("ro-crate-metadata.json"))["@graph"]
    assert "data/frames.zip" in {entity["@id"] for entity in metadata}


def test_a_data_set_that_is_nowhere_is_told_and_does_not_hinder(street, capsys):
    assert main(["crate", *[word for word in street if "dataset" not in word]]) == 0

    assert (
        "left out: the file of the dataset tiny, which is not in specs/datasets: give DATASET=PATH\n"
        in capsys.readouterr().out
    )


def test_a_recipe_that_was_not_recorded_is_the_one_that_is_given(street, done, tmp_path, capsys):
    for path in (done.workspace / ".markers").glob("*.json"):
        table = json.loads(path.read_text())
        table.pop("made_with", None)  # as markers of earlier versions
        path.write_text(json.dumps(table))
    options = [f"--workspace={done.workspace}", *street[1:]]

    assert main(["crate", "old.zip", *options]) == 0
    assert "left out: the file of the recipe (not recorded), which is not in" in capsys.readouterr().out
    assert main(["crate", "given.zip", "--recipe=smoke", *options]) == 0
    with zipfile.ZipFile(tmp_path / "given.zip") as archive:
        assert {"specs/recipes/smoke.toml", "specs/datasets/tiny.toml"} <= {*archive.namelist()}
        assert "packages.txt" not in archive.namelist()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (
            ["--with=weight"],
            "a crate is not made with 'weight', but with weights and data\n  try: take weig",
        ),
        (["--workspace=nowhere"], "nowhere holds no marker of a finished stage\n"),
    ],
)
def test_what_cannot_be_packed_is_told(words, complaint, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert main(["crate", *words]) in (1, 2)
    assert complaint in capsys.readouterr().err


def test_compare_takes_a_workspace_and_a_crate(street, finished_workspace, capsys):
    assert main(["crate", "street.zip", *street]) == 0
    capsys.readouterr()

    assert main(["compare", f"--a={finished_workspace}", "--b=street.zip"]) == 0
    assert capsys.readouterr().out.startswith(f"{finished_workspace} over street.zip\n")
    assert main(["compare", f"--a={finished_workspace}", "--b=lost.zip"]) == 2
    assert "lost.zip is neither a workspace" in capsys.readouterr().err
