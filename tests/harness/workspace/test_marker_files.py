import json

import pytest

from harness.files import digest_path
from harness.workspace.layout import Workspace
from harness.workspace.marker import (
    EngineIdentity,
    Marker,
    Product,
    forget,
    product_faults,
    read_ingredients,
    read_marker,
    write_marker,
)

KEYS = {
    *("stage", "fingerprint", "consumed", "products", "engine", "argv"),
    *("started_utc", "finished_utc", "duration_s", "harness_version", "git_commit", "schema_version"),
}


@pytest.fixture
def room(tmp_path):
    (tmp_path / "data" / "frames").mkdir(parents=True)
    (tmp_path / "data" / "frames" / "a.txt").write_text("one")
    return Workspace(tmp_path)


@pytest.fixture
def marker(room):
    return Marker(
        stage="verify",
        fingerprint="f" * 64,
        consumed={"download": "d" * 64},
        products=(Product(path="data/frames", digest=digest_path(room.path("data/frames"))),),
        engine=EngineIdentity(name="portable", version="0.1.0"),
        argv=(("yolo_v4", "train"),),
        started_utc="2026-11-23T23:00:00.000Z",
        finished_utc="2026-11-23T23:00:01.500Z",
        duration_s=1.5,
        harness_version="0.1.0",
        git_commit=None,
    )


def test_a_marker_is_read_as_it_was_written(room, marker):
    write_marker(room, marker, {"inputs": {"epochs": "2"}})

    assert read_marker(room, "verify") == marker
    assert read_ingredients(room, "verify") == {"inputs": {"epochs": "2"}}


def test_a_marker_file_has_just_the_documented_keys(room, marker):
    write_marker(room, marker, {})

    table = json.loads((room.root / ".markers" / "verify.json").read_text())
    assert set(table) == KEYS
    assert sorted(table["products"][0]) == ["bytes", "files", "path", "sha256"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 99}', '{"schema_version": 1, "products": []}'])
def test_a_marker_that_cannot_be_understood_counts_as_none(room, text):
    room.marker("verify").parent.mkdir()
    room.marker("verify").write_text(text)

    assert read_marker(room, "verify") is None


def test_a_forgotten_marker_is_gone(room, marker):
    write_marker(room, marker, {})
    forget(room, "verify")

    assert read_marker(room, "verify") is None


def test_products_as_they_were_have_no_faults(room, marker):
    assert product_faults(room, marker, deep=True) == []


def test_a_product_of_another_size_is_told_with_both(room, marker):
    (room.data / "frames" / "b.txt").write_text("four")

    assert product_faults(room, marker, deep=False) == ["data/frames had 3 bytes in 1 file, has now 7 bytes in 2 files"]


def test_a_missing_product_is_told(room, marker):
    (room.data / "frames").rename(room.data / "elsewhere")

    assert product_faults(room, marker, deep=False) == ["data/frames is gone"]


def test_changed_contents_of_equal_size_are_seen_only_by_a_deep_look(room, marker):
    (room.data / "frames" / "a.txt").write_text("two")

    assert product_faults(room, marker, deep=False) == []
    assert product_faults(room, marker, deep=True) == ["the contents of data/frames changed"]
