"""A record is reproduced by its recipe and conditions; what it tells is compared by digest and by digits."""

import json
import shutil
from pathlib import Path

import pytest

from harness.reproduce.asked import options_of
from harness.reproduce.source import CODE, ENGINE, NUMERICS, SETTINGS, Run, record_run
from harness.workspace.layout import Workspace
from harness.workspace.marker import digest_of

RECORD = "20261125T005931Z-chain-ea75"


def data_of_smoke(checkout: Path) -> str:
    """The digest of the smoke recipe's data, by the stored digests of gen-valid's products."""
    lines = (checkout / "tests" / "system" / "smoke_products.txt").read_text().splitlines()
    rows = [line.split(": ") for line in lines if line.startswith("gen-valid ")]
    return digest_of([(path, sha256) for _, path, sha256 in rows])


@pytest.fixture
def record(reproduction, checkout, tmp_path):
    """A record of the smoke recipe; changes are made to its tables."""
    results = tmp_path / "results"
    shutil.copytree(checkout / "results" / "local" / RECORD, results / "local" / RECORD)
    reproduction.source = RECORD

    def change(mAP: float = 0.5, **conditions: object) -> str:
        path = results / "local" / RECORD / "record.json"
        table = json.loads(path.read_text())
        smoke = {"recipe": "smoke", "epochs": 2, "val_split_pct": 20.0, "mixed_precision": False}
        table["conditions"] |= {**smoke, "data_sha256": data_of_smoke(checkout), **conditions}
        (run,) = table["runs"]
        values = {"mAP": [mAP], "epoch_loss": [2.0, 1.0]}
        run["measurements"] = [
            {**one, "values": values.get(one["name"], one["values"])} for one in run["measurements"]
        ]
        path.write_text(json.dumps(table))
        return f"--results={results}"

    return change


@pytest.mark.slow
def test_a_record_is_done_again_with_its_conditions_and_compared_by_all_digits(record, reproduction):
    printed = reproduction(record(), "--engine=here")

    receipt = reproduction.receipt()
    assert (receipt["there"]["kind"], receipt["there"]["record"]) == ("record", RECORD)
    assert reproduction.levels() == {"data": "same bytes", "mAP": "same content", "loss": "same content"}
    assert "reproduced: same content" in printed
    assert "engine: portable there, yolo_v4 on PATH here" in printed
    assert receipt["here"]["facts"]["epochs"] == 2


@pytest.mark.slow
def test_a_record_whose_recipe_divides_its_anchors_otherwise_by_now_is_done_as_then(record, reproduction):
    printed = reproduction(record(anchors="by-stride"), "--engine=here")

    inputs = json.loads((reproduction.own / ".markers" / "inputs" / "tune-bdb.json").read_text())
    assert inputs["inputs"]["divided"] == "by-stride"
    assert "differs: anchors" not in printed
    assert reproduction.receipt()["here"]["facts"]["anchors"] == "by-stride"


@pytest.mark.slow
def test_a_score_that_differs_cannot_be_told_without_a_band_for_its_settings(record, reproduction):
    printed = reproduction(record(mAP=0.51), "--engine=here", status=5)

    (row,) = (row for row in reproduction.receipt()["products"] if row["name"] == "mAP")
    assert (row["level"], row["difference"]) == ("cannot tell", "mAP was 0.51, is 0.5")
    assert "networks: " in printed


@pytest.mark.slow
def test_other_data_are_called_different(record, reproduction):
    reproduction(record(data_sha256="0" * 64), "--engine=here", status=3)
    assert reproduction.levels()["data"] == "different"


@pytest.mark.parametrize("recipe", ["/tmp/evil.toml", "none such"])
def test_a_record_that_names_no_recipe_is_refused(record, reproduction, recipe):
    assert "the record names no recipe" in reproduction(record(recipe=recipe), status=1)


@pytest.mark.parametrize(
    ("told", "taken"), [({"checkpoint": "best"}, "best"), ({}, "last")], ids=["best", "not told: last"]
)
def test_a_record_is_done_again_with_the_checkpoint_that_was_taken(record, tmp_path, told, taken):
    record(**told)
    run = record_run(tmp_path / "results" / "local" / RECORD)
    own = Workspace(tmp_path)
    assert options_of(run, own, tmp_path, archive_needed=True)["checkpoint"] == taken
    then = options_of(run, own, tmp_path, archive_needed=True, as_then=True)
    assert then.get("checkpoint", "last") == taken


def test_exactly_as_then_the_number_format_is_asked_for_where_that_version_knew_it(record, tmp_path):
    record(mixed_precision=True)
    path = tmp_path / "results" / "local" / RECORD / "record.json"
    table = json.loads(path.read_text())
    for told, asked in (({}, None), ({"numbers": "--numbers bf16"}, "bf16")):
        path.write_text(json.dumps(table | {"facts": {"number_format": "bf16", **told}}))
        run = record_run(path.parent)
        options = options_of(run, Workspace(tmp_path), tmp_path, archive_needed=True, as_then=True)
        assert options.get("numbers") == asked


def test_of_a_record_only_all_stages_can_be_done(record, reproduction):
    assert "a record has no products to begin with" in reproduction(record(), "--only=eval", status=5)


def test_large_seeds_are_asked_for_with_all_their_digits(tmp_path):
    facts = dict.fromkeys((*SETTINGS, *ENGINE, *NUMERICS, *CODE))
    facts |= {
        "recipe": "smoke",
        "seed": 12345678,
        "val_split_pct": 12.5,
        "gpus": 1,
        "checkpoint": "last",
        "anchors": "thirds",
    }
    run = Run(kind="record", name="r", facts=facts)
    assert options_of(run, Workspace(tmp_path), tmp_path, archive_needed=True) == {
        "recipe": "smoke",
        "seed": "12345678",
        "val_split": "12.5",
        "gpus": "1",
        "checkpoint": "last",
    }
    told = Run(kind="record", name="r", facts={**facts, "numbers": "bf16"}, has_numbers=False)
    own = Workspace(tmp_path)
    assert options_of(told, own, tmp_path, archive_needed=True)["numbers"] == "bf16"
    assert "numbers" not in options_of(told, own, tmp_path, archive_needed=True, as_then=True)


def test_a_record_of_a_part_of_a_run_is_refused(reproduction, checkout):
    reproduction.source = "20261125T010330Z-train-850d"
    assert "only chain runs all stages" in reproduction(status=5)
