"""What a stage may replace and remove: its own products, whatever markers and links in the workspace say."""

import json
import shutil

import pytest

from harness.settings.declared import SPECS
from harness.stages.workflow import KINDS
from harness.workspace.layout import owns


def add_product(workspace, stage, place):
    """Let the marker of `stage` name one more product, and something that has changed since."""
    path = workspace / ".markers" / f"{stage}.json"
    table = json.loads(path.read_text())
    table["products"].append({"path": place, "bytes": 1, "files": 1, "sha256": "0" * 64})
    table["fingerprint"] = "0" * 64
    path.write_text(json.dumps(table))


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("recipe", sorted(path.stem for path in (SPECS / "recipes").glob("*.toml")))
def test_every_product_of_every_recipe_is_its_stages_own(settings, recipe):
    chosen = settings(recipe=recipe, pretrained="/some/resnet_18.hdf5")

    promised = [(name, product) for name, kind in KINDS.items() for product in kind(chosen).products()]

    assert [(name, product) for name, product in promised if not owns(name, product)] == []


@pytest.mark.parametrize(
    "place",
    [
        *["data/.frames", "data/frames.zip", "experiment/weights", "specs", "data", "DATA/.frames"],
        "experiment/visualisations/../../data/.frames",
    ],
)
def test_a_marker_that_names_what_its_stage_never_makes_removes_nothing(done, place):
    before = files(done.workspace / "data")
    weights = files(done.workspace / "experiment" / "weights")
    add_product(done.workspace, "vis", place)
    words = f".markers/vis.json proves nothing: it names '{place}', which vis never makes"

    assert words in done("status")
    assert words in done("vis")

    assert files(done.workspace / "data") == before
    assert files(done.workspace / "experiment" / "weights") == weights
    assert "nothing to do" in done("vis")


def test_a_fingerprint_that_leads_elsewhere_removes_nothing(done, tmp_path):
    precious = tmp_path / "outside" / "precious"
    precious.parent.mkdir()
    precious.write_text("of somebody else")
    path = done.workspace / ".markers" / "vis.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "fingerprint": str(precious.parent)}))

    printed = done("vis")

    assert ".markers/vis.json proves nothing" in printed
    assert precious.read_text() == "of somebody else"


@pytest.mark.parametrize(
    ("stage", "linked"),
    [
        ("verify", "data/test"),
        ("vis", "experiment/visualisations"),
        ("vis", ".attempts/vis"),
        ("vis", ".markers/inputs"),
        ("vis", ".kept/vis"),
    ],
)
def test_a_linked_folder_on_the_way_to_a_product_is_refused_and_nothing_behind_it_changes(
    done, tmp_path, stage, linked
):
    place, elsewhere = done.workspace / linked, tmp_path / "elsewhere"
    place.mkdir(parents=True, exist_ok=True)
    shutil.move(place, elsewhere)
    place.symlink_to(elsewhere)
    (done.workspace / ".markers" / f"{stage}.json").unlink()
    before = files(elsewhere)

    printed = done(stage, status=1)

    assert f"{stage}: {place} is a link to {elsewhere}, and {stage} would write there" in printed
    assert f"put a folder in its place (only {done.workspace}/NAME may be a link)" in printed
    assert files(elsewhere) == before
    assert place.is_symlink()


def test_the_folder_data_may_be_a_link(done, tmp_path):
    shutil.move(done.workspace / "data", tmp_path / "disk")
    (done.workspace / "data").symlink_to(tmp_path / "disk")
    (done.workspace / ".markers" / "gen-valid.json").unlink()

    done("gen-valid")

    assert "nothing to do" in done("all")
