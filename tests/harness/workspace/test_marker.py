import dataclasses
import hashlib
import json

import pytest

from harness.files import digest_path
from harness.workspace.layout import Workspace
from harness.workspace.marker import (
    EngineIdentity,
    Product,
    changes,
    differences,
    digest_of,
    forget,
    is_digest_of,
    read_ingredients,
    read_marker,
    why_no_marker,
    write_marker,
)
from tests.harness import made

KEYS = {
    *("stage", "fingerprint", "consumed", "products", "engine", "argv"),
    *("started_utc", "finished_utc", "duration_s", "harness_version", "git_commit", "schema_version"),
}


@pytest.fixture
def room(tmp_path):
    (tmp_path / "data" / "test" / "labels").mkdir(parents=True)
    (tmp_path / "data" / "test" / "labels" / "a.txt").write_text("one")
    return Workspace(tmp_path)


@pytest.fixture
def marker(room):
    path = "data/test/labels"
    return made.marker(
        "verify",
        Product(path=path, digest=digest_path(room.path(path))),
        consumed={"download": "d" * 64},
        engine=EngineIdentity(name="portable", version="0.1.0"),
        argv=(("yolo_v4", "train"),),
    )


def test_our_engine_is_of_the_release_that_asked_it_and_another_or_one_in_an_image_of_its_own(marker):
    def words(engine):
        return dataclasses.replace(marker, engine=engine, harness_version="1.2.3").engine_words

    assert words(EngineIdentity(name="portable", version="0.1.0")) == "portable 1.2.3"
    assert words(EngineIdentity(name="portable", version="0.1.0", image="p.sif")) == "portable 0.1.0"
    assert words(EngineIdentity(name="tao", version="5.0.0", image="tao.sif")) == "tao 5.0.0"
    assert words(None) == ""


def test_a_marker_is_read_as_it_was_written(room, marker):
    write_marker(room, marker, {"inputs": {"epochs": "2"}})

    assert read_marker(room, "verify") == marker
    assert read_ingredients(room, "verify") == {"inputs": {"epochs": "2"}}


def test_a_marker_file_has_just_the_documented_keys(room, marker):
    write_marker(room, marker, {})

    table = json.loads((room.root / ".markers" / "verify.json").read_text())
    assert set(table) == KEYS
    assert sorted(table["products"][0]) == ["bytes", "files", "path", "sha256"]


def test_a_numerics_class_is_kept_beside_the_fingerprint(room, marker):
    told = dataclasses.replace(marker, numerics=({"processor": "AVX2", "threads": 2},))
    write_marker(room, told, {})

    table = json.loads((room.root / ".markers" / "verify.json").read_text())
    assert set(table) == {*KEYS, "numerics"}
    assert (table["numerics"], table["schema_version"]) == ([{"processor": "AVX2", "threads": 2}], 1)
    assert read_marker(room, "verify") == told
    assert read_marker(room, "verify").outcome == marker.outcome


@pytest.mark.parametrize("numerics", ["AVX2", ["AVX2"], {"processor": "AVX2"}])
def test_a_numerics_class_of_another_form_is_passed_over(room, marker, numerics):
    write_marker(room, marker, {})
    path = room.root / ".markers" / "verify.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "numerics": numerics}))

    assert read_marker(room, "verify") == marker


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"schema_version": 99}', '{"schema_version": 1, "products": []}']
)
def test_a_marker_that_cannot_be_understood_counts_as_none(room, text):
    room.marker("verify").parent.mkdir()
    room.marker("verify").write_text(text)

    assert read_marker(room, "verify") is None


def test_a_forgotten_marker_is_gone(room, marker):
    write_marker(room, marker, {})
    forget(room, "verify")

    assert read_marker(room, "verify") is None


BEFORE = {"inputs": {"epochs": "2", "spec": "a: 1\nb: 2\n"}, "consumed": {"verify": "f" * 64}, "revision": 1}


def now(**parts):
    return {**BEFORE, **parts}


def test_a_digest_does_not_depend_on_the_order_of_keys():
    expected = hashlib.sha256(b'{"a": 1, "b": [2]}').hexdigest()

    assert digest_of({"b": [2], "a": 1}) == digest_of({"a": 1, "b": [2]}) == expected


def test_what_json_does_not_know_has_no_digest():
    assert is_digest_of(digest_of({"a": 1}), {"a": 1})
    assert not is_digest_of("f" * 64, {"a": 1})
    assert not is_digest_of("f" * 64, {"a": float("nan")})


def test_a_changed_number_is_told_with_both_values():
    assert changes(BEFORE, now(inputs={**BEFORE["inputs"], "epochs": "3"})) == ["epochs was 2, is now 3"]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("a: 1\n  b: 7\nc: 3\n", ["line 2 was 'b: 2', is now 'b: 7'"]),
        ("a: 4\nb: 2\nc: 5\n", ["line 1 was 'a: 1', is now 'a: 4'", "line 3 was 'c: 3', is now 'c: 5'"]),
        ("a: 1\nc: 3\n", ["line 2 'b: 2' is gone"]),
        ("a: 1\nb: 2\nx: 9\ny: 8\nc: 3\n", ["line 3 'x: 9' is new", "line 4 'y: 8' is new"]),
        ("a: 1\nb: 6\nx: 9\nc: 3\n", ["line 2 was 'b: 2', is now 'b: 6'", "line 3 'x: 9' is new"]),
        ("a: 1\r\nb: 2\r\nc: 3\r\n", ["has other line ends"]),
    ],
)
def test_of_a_changed_text_every_line_that_differs_is_told(after, expected):
    spec = {"spec": "a: 1\nb: 2\nc: 3\n"}

    assert changes(now(inputs=spec), now(inputs={"spec": after})) == [f"spec {line}" for line in expected]


def without_comment(line):
    return line.partition("#")[0].strip()


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("# mine\na: 1\nb: 7  # more\n", ["line 3 was 'b: 2  # two', is now 'b: 7  # more'"]),
        ("# mine\n\n  a: 1 # one\nb: 2\nc: 3\n", ["line 5 'c: 3' is new"]),
        ("b: 2  # other words\n", ["line 2 'a: 1' is gone"]),
    ],
)
def test_changed_comments_are_no_reasons_beside_a_changed_value(after, expected):
    before = now(inputs={"spec": "# theirs\na: 1\nb: 2  # two\n"})

    reasons = changes(before, now(inputs={"spec": after}), meaning=without_comment)

    assert reasons == [f"spec {line}" for line in expected]


def test_a_changed_product_upstream_is_told_by_the_name_of_its_stage():
    assert changes(BEFORE, now(consumed={"verify": "e" * 64})) == ["what verify made has changed"]
    assert changes(BEFORE, now(consumed={"verify": None})) == ["what verify made is gone"]


def test_a_changed_revision_is_told():
    assert changes(BEFORE, now(revision=2)) == ["this stage works differently since (revision 2)"]


def test_a_changed_engine_is_told_part_by_part():
    before, after = now(engine={"name": "tao", "version": "3"}), now(engine={"name": "tao", "version": "5"})

    assert changes(before, after) == ["engine version was 3, is now 5"]


def test_ingredients_that_were_not_kept_still_give_a_reason():
    assert changes({}, {"inputs": None, "consumed": {}}) == ["what goes in has changed"]


def test_a_digest_is_shown_short_and_an_absent_value_as_such():
    assert differences({"sha256": "0" * 64}, {}) == ["sha256 was 000000000000…, is now not there"]


@pytest.mark.parametrize(
    "path",
    [
        *["/etc", "..", "../other", "data/../../other", ".", "data", "experiment", "", "specs/mine.txt"],
        *["data//x", "data/frames.zip", "data/.frames", "data/.frames/images", "Data/test/labels"],
    ],
)
def test_a_marker_that_names_what_its_stage_never_makes_proves_nothing(room, marker, path):
    write_marker(room, marker, {})
    table = json.loads(room.marker("verify").read_text())
    table["products"].append({"path": path, "bytes": 1, "files": 1, "sha256": "0" * 64})
    room.marker("verify").write_text(json.dumps(table))

    assert read_marker(room, "verify") is None
    assert why_no_marker(room, "verify") == (
        f".markers/verify.json proves nothing: it names '{path}', which verify never makes"
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"stage": "vis"},
        {"duration_s": float("nan")},
        {"duration_s": "long"},
        {"finished_utc": 5},
        {"fingerprint": None},
        {"fingerprint": "../../../outside"},
        {"fingerprint": "F" * 64},
        {"products": [{"path": 5, "bytes": 1, "files": 1, "sha256": "0" * 64}]},
        {"products": [{"path": "data/test/labels", "bytes": 1, "files": 1, "sha256": float("nan")}]},
        {"products": 5},
        {"more": 1},
    ],
)
def test_a_marker_with_odd_values_proves_nothing(room, marker, changed):
    write_marker(room, marker, {})
    table = {**json.loads(room.marker("verify").read_text()), **changed}
    room.marker("verify").write_text(json.dumps(table))

    assert read_marker(room, "verify") is None
    assert why_no_marker(room, "verify") == ".markers/verify.json proves nothing: it cannot be understood"


def test_the_marker_of_another_stage_proves_nothing(room, marker):
    write_marker(room, marker, {})
    room.marker("verify").rename(room.marker("vis"))

    assert read_marker(room, "vis") is None
    assert "names 'data/test/labels', which vis never makes" in why_no_marker(room, "vis")


def test_without_a_marker_a_stage_has_not_been_done(room):
    assert why_no_marker(room, "verify") == "not run yet"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("consumed",), "train"),
        (("consumed", "download"), {}),
        (("git_commit",), {}),
        (("harness_version",), 1),
        (("argv", 0, 1), 3),
        (("engine", "image_digest"), ["a"]),
        (("engine", "image_made"), {"sha256": 1}),
    ],
)
def test_a_marker_with_something_else_in_place_of_a_text_proves_nothing(room, marker, place, value):
    write_marker(room, marker, {})
    path = room.marker("verify")
    table = json.loads(path.read_text())
    *way, last = place
    inner = table
    for key in way:
        inner = inner[key]
    inner[last] = value
    path.write_text(json.dumps(table))

    assert read_marker(room, "verify") is None
    assert why_no_marker(room, "verify") == ".markers/verify.json proves nothing: it cannot be understood"


def test_a_numerics_class_that_is_no_plain_table_is_not_read(room, marker):
    told = dataclasses.replace(marker, numerics=({"threads": {"of": 2}}, {"threads": 2}))
    write_marker(room, told, {})

    assert read_marker(room, "verify").numerics == ({"threads": 2},)
