import dataclasses
import json
import math
import os
import re
import socket
from pathlib import Path

import pytest

from harness.errors import DataError
from harness.measure.band import Band, Quantity, band_file, read_band
from harness.measure.record import Code, Machine
from harness.measure.seeds import quantity
from harness.settings.declared import SPECS
from harness.settings.recipe import load_recipe
from harness.settings.table import from_table
from harness.verdict import Verdict
from tests.harness.measure.test_record import definition

YES, NO, CANNOT_TELL = Verdict.YES, Verdict.NO, Verdict.CANNOT_TELL
# Mean 0.54, standard deviation 0.0316227766.
AP_OF_CAR = (0.50, 0.52, 0.54, 0.56, 0.58)
LOSSES = (10.0, 10.5, 11.0, 11.5, 12.0)
SETTINGS = {
    "data_sha256": "d" * 64,
    "train": {"epochs": "14", "spec": "e" * 64},
    "train number format": "bf16",
}
COMMITTED = sorted((SPECS / "recipes").glob("*.band.json"))


def made(**changes):
    table = {
        "schema_version": 1,
        "recipe": "sample",
        "n": 5,
        "seeds": (43, 44, 45, 46, 47),
        "confidence": 0.95,
        "family": ("AP car", "loss"),
        "settings": SETTINGS,
        "conditions": {},
        "numerics": {},
        "machine": {},
        "code": {},
        "environment": {},
        "facts": {},
        "commits": (),
        "finished_utc": "2026-03-01T10:15:00Z",
        "quantities": {
            "AP car": quantity("AP car", AP_OF_CAR, 2),
            "loss": quantity("loss", LOSSES, 2),
        },
    }
    return Band(**{**table, **changes})


@pytest.fixture
def kept(tmp_path):
    """Writes a band, changed by what is given, beside a recipe; gives the recipe's path."""

    def keep(change=lambda table: None):
        table = json.loads(json.dumps(dataclasses.asdict(made())))
        text = change(table)
        (tmp_path / "own.band.json").write_text(json.dumps(table) if text is None else text)
        return str(tmp_path / "own.toml")

    return keep


# Student's t with 4 degrees of freedom: 2.7764 at 0.975, 3.4954 at 0.9875, 4.6041 at 0.995 (printed tables).
@pytest.mark.parametrize(("judged", "t"), [(1, 2.7764), (2, 3.4954), (5, 4.6041)])
def test_an_interval_is_that_of_one_new_value_and_shares_the_false_alarms_of_its_family(judged, t):
    one = quantity("loss", LOSSES, judged)
    reach = t * math.sqrt(0.625) * math.sqrt(1.2)

    assert (one.n, one.mean) == (5, 11.0)
    assert one.sd == pytest.approx(0.790569415)
    assert (one.low, one.high) == (
        pytest.approx(11.0 - reach, rel=1e-4),
        pytest.approx(11.0 + reach, rel=1e-4),
    )


def test_what_an_average_precision_cannot_be_is_cut_off():
    assert quantity("AP car", (0.0, 0.05, 0.0, 0.1, 0.02), 8).low == 0.0
    assert quantity("mAP", (0.9, 0.95, 0.99, 0.97, 0.85), 8).high == 1.0
    assert quantity("loss", (0.9, 0.95, 0.99, 0.97, 0.85), 8).high > 1.0
    assert quantity("loss", (0.1, 0.5, 0.1, 0.9, 0.2), 8).low == 0.0


def test_time_is_judged_by_itself():
    assert quantity("train_s", LOSSES, 8) == quantity("loss", LOSSES, 1)


def test_a_value_is_inside_or_outside_or_no_number():
    band = made()
    assert band.holds("AP car", 0.42) is YES
    assert band.holds("AP car", 0.41) is NO  # 0.54 - 3.4954 * 0.0316228 * sqrt(1.2) = 0.4189
    assert band.holds("AP car", 0.67) is NO
    for value in (None, math.nan, math.inf):
        assert band.holds("AP car", value) is CANNOT_TELL
    assert band.holds("AP zebra", 0.5) is CANNOT_TELL


def test_where_no_seed_differs_nothing_else_can_be_told():
    one = quantity("mAP", (0.0,) * 5, 8)
    assert (one.holds(0.0), one.holds(0.3)) == (YES, CANNOT_TELL)
    same = quantity("loss", (2.0,) * 5, 8)
    assert (same.holds(2.0), same.holds(2.1)) == (YES, CANNOT_TELL)


def test_nobody_minds_a_difference_below_the_floor_of_the_gate():
    one = quantity("AP car", (0.75, 0.75, 0.75, 0.75, 0.7501), 2)
    assert (one.holds(0.731), one.holds(0.769), one.holds(0.729)) == (YES, YES, NO)
    assert quantity("AP car", (0.0,) * 5, 2).holds(0.0199) is YES


def test_where_seeds_are_at_the_limit_a_value_outside_is_not_known_to_differ():
    one = quantity("AP bus", (0.0, 0.0, 0.004, 0.0, 0.0), 8)
    assert (one.at_limit, one.holds(0.005), one.holds(0.5)) == (True, YES, CANNOT_TELL)
    assert quantity("AP bus", (1.0, 0.99, 0.98, 0.97, 0.96), 8).at_limit
    assert not quantity("loss", (1.0, 0.99, 0.98, 0.97, 0.96), 8).at_limit

    same = made(quantities={"AP car": quantity("AP car", (0.5,) * 5, 2)}, family=("AP car",))
    words = "AP car 0.9, and all seeds at 0.5, which tells no spread"
    assert same.landing({"AP car": 0.9}, SETTINGS).words == words

    band = made(quantities={"AP bus": one}, family=("AP bus",))
    words = "AP bus 0.5, and a seed at the limit, which tells no spread"
    landing = band.landing({"AP bus": 0.5}, SETTINGS)
    assert (landing.verdict, landing.words) == (CANNOT_TELL, words)


def test_of_one_value_or_none_nothing_can_be_told():
    for values in ((None,) * 5, (0.4, None, None, None, None)):
        one = quantity("AP truck", values, 8)
        assert (one.low, one.high, one.holds(0.4)) == (None, None, CANNOT_TELL)
    assert quantity("AP truck", (0.4, None, 0.5, None, None), 8).n == 2


def test_a_result_landed_where_every_quantity_did():
    landing = made().landing({"AP car": 0.5, "loss": 11.0}, SETTINGS)
    assert (landing.verdict, landing.words) == (YES, "by AP car, loss")


def test_a_result_did_not_land_where_one_quantity_did_not_and_it_is_named():
    landing = made().landing({"AP car": 0.402, "loss": None}, SETTINGS)
    assert (landing.verdict, landing.words) == (NO, "AP car 0.402, expected 0.419 to 0.661")


@pytest.mark.parametrize("values", [{"AP car": 0.5}, {"AP car": 0.5, "loss": math.nan}])
def test_what_could_not_be_computed_never_passes_for_landed(values):
    landing = made().landing(values, SETTINGS)
    assert (landing.verdict, landing.words) == (CANNOT_TELL, "loss could not be computed")


def test_a_result_of_other_settings_or_data_cannot_be_told():
    values = {"AP car": 0.1, "loss": 99.0}
    other = {**SETTINGS, "train": {"epochs": "3", "spec": "e" * 64}}
    landing = made().landing(values, other)
    assert (landing.verdict, landing.words) == (CANNOT_TELL, "train epochs was 14, is now 3")

    landing = made().landing(values, {**SETTINGS, "data_sha256": "a" * 64})
    assert landing.words == "data_sha256 was dddddddddddd…, is now aaaaaaaaaaaa…"

    landing = made().landing(values, {**SETTINGS, "train number format": None})
    assert (landing.verdict, landing.words) == (CANNOT_TELL, "train number format is not known")

    unknown = made(settings={**SETTINGS, "train number format": None})
    assert unknown.landing(values, {**SETTINGS, "train number format": None}).verdict is CANNOT_TELL
    assert unknown.landing(values, SETTINGS).verdict is CANNOT_TELL


def test_a_band_that_judges_nothing_tells_nothing():
    assert made(family=()).landing({"AP car": 0.5}, SETTINGS).verdict is CANNOT_TELL


def test_a_band_is_read_as_it_was_written(kept):
    assert read_band(kept()) == dataclasses.replace(made(), settings=json.loads(json.dumps(SETTINGS)))


def test_a_recipe_without_a_band_or_that_is_not_there_has_none(tmp_path):
    assert read_band(str(tmp_path / "own.toml")) is None
    assert read_band("no-such-recipe") is None


def test_a_band_lies_beside_its_recipe(tmp_path):
    assert band_file("sample") == SPECS / "recipes" / "sample.band.json"
    assert band_file(f"{tmp_path}/own.mine.toml") == tmp_path / "own.mine.band.json"


def test_a_band_of_a_newer_harness_is_refused(kept):
    recipe = kept(lambda table: table.update(schema_version=2))
    with pytest.raises(DataError, match="has schema_version 2, this harness reads up to 1"):
        read_band(recipe)


def _without(*names):
    def change(table):
        for name in names:
            del table[name]

    return change


def _quantity(**changes):
    return lambda table: table["quantities"]["loss"].update(changes)


@pytest.mark.parametrize(
    "change",
    [
        lambda table: "",
        lambda table: "[]",
        lambda table: "[" * 100_000,
        lambda table: json.dumps(table)[:-20],
        lambda table: json.dumps(table).replace("10.5", "NaN"),
        lambda table: json.dumps(table).replace("10.5", "Infinity"),
        _without("quantities"),
        _without("schema_version"),
        _without("n"),
        lambda table: table.update(quantities=[]),
        lambda table: table.update(quantities={"loss": 3}),
        lambda table: table.update(schema_version="1"),
        lambda table: table.update(schema_version=True),
        lambda table: table.update(n=4),
        lambda table: table.update(seeds=[43, 43, 44, 45, 46]),
        lambda table: table.update(confidence=95),
        lambda table: table.update(family=["AP zebra"]),
        lambda table: table.update(more=1),
        _quantity(mean=11.1),
        _quantity(sd=0.1),
        _quantity(n=4),
        _quantity(low=12.0),
        _quantity(at_limit=True),
        _quantity(high=None),
        _quantity(values=[10.0, 10.5]),
    ],
)
def test_a_band_that_was_damaged_is_refused_with_words(kept, change):
    with pytest.raises(DataError, match=r"own\.band\.json is no band of seeds: .") as refusal:
        read_band(kept(change))
    assert "jamcam seeds" in refusal.value.remedy


def test_bytes_that_are_no_text_are_refused_with_words(tmp_path):
    (tmp_path / "own.band.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="is no band of seeds"):
        read_band(str(tmp_path / "own.toml"))


def test_the_published_schema_describes_the_file(checkout):
    schema = json.loads((checkout / "specs" / "band.schema.json").read_text())
    kinds = {"Band": definition(Band), "Quantity": definition(Quantity)}
    for name, kind in (("machine", "Machine"), ("code", "Code")):
        kinds["Band"]["properties"][name] = {"$ref": f"record.schema.json#/$defs/{kind}"}
    assert schema["$ref"] == "#/$defs/Band"
    assert schema["$defs"] == kinds


def test_every_key_is_in_the_page_on_records(checkout):
    page = (checkout / "docs" / "records.md").read_text().partition("## The band of seeds")[2]
    keys = [field.name for kind in (Band, Quantity) for field in dataclasses.fields(kind)]
    assert [key for key in keys if f"`{key}`" not in page] == []


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.name)
def test_a_committed_band_is_what_its_values_give(path: Path):
    recipe = load_recipe(path.name.removesuffix(".band.json"))
    band = read_band(recipe.name)

    assert band.recipe == recipe.name
    assert recipe.seed not in band.seeds
    assert band.numerics["train"]
    assert band.hindrances(band.settings) == []
    for name, one in band.quantities.items():
        again = quantity(name, one.values, len(band.family))
        assert (again.low, again.high) == (pytest.approx(one.low), pytest.approx(one.high)), name
    from_table(Machine, band.machine, where=str(path))
    from_table(Code, band.code, where=str(path))


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.name)
def test_a_committed_band_names_no_user_host_or_place(path: Path, checkout):
    text = path.read_text()
    assert not re.search(r"/home/|/root|/tmp|/Users/", text)
    for word in (str(checkout), socket.gethostname(), os.environ.get("USER") or "\0"):
        assert f'"{word}"' not in text
