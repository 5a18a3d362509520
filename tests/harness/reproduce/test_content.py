"""Products of other bytes are compared by what they hold: values, tokens, words, pixels."""

import json

import pytest
from PIL import Image

from harness.reproduce.content import compare_contents, first_difference, without_anchors
from harness.verdict import Verdict


@pytest.fixture
def sides(tmp_path):
    return tmp_path / "there", tmp_path / "here"


def compared(sides, name, contents):
    for side, content in zip(sides, contents, strict=True):
        path = side / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return compare_contents(*sides, [name])[name]


@pytest.mark.parametrize(
    ("name", "there", "here"),
    [
        ("a.json", '{"a": 1, "b": [2.0]}', '{"b":[2],\n"a":1.0}'),
        ("a.jsonl", '{"score": 0.5, "frame": "x"}\n', '{"frame":"x","score":5e-1}'),
        ("a.csv", "epoch,loss\n1,0.50\n", "epoch,loss\r\n1,0.5\r\n"),
        ("a.csv", "1,2.0,nan\n", "1,2.00,nan\n"),
        ("a.json", '{"a": NaN}', '{"a":NaN}'),
        ("labels/a.txt", "car 0.00 1.50\n", "car 0.0 1.5\r\n"),
        ("experiment/yolo_v4_train.txt", "a { b: 1 } # why", "a {\n  b: 1\n}\n"),
    ],
)
def test_what_is_written_down_otherwise_is_the_same(sides, name, there, here):
    assert compared(sides, name, (there, here)).same is Verdict.YES


@pytest.mark.parametrize(
    ("name", "there", "here", "words"),
    [
        ("a.json", '{"a": {"b": [1, 2]}}', '{"a": {"b": [1, 3]}}', "a.json a b 1 was 2, is 3"),
        ("a.json", '{"a": 1}', "{}", "a.json a was 1, is not there"),
        ("a.json", '{"a": null, "b": 1}', '{"b": 1}', "a.json a was null, is not there"),
        ("a.json", "[1, null]", "[1]", "a.json 1 was null, is not there"),
        ("a.csv", "1,nan\n2,1\n", "1,nan\n2,2\n", "a.csv line 2 was 2,1, is 2,2"),
        ("a.json", '{"a": true}', '{"a": 1}', "a.json a was true, is 1"),
        ("a.json", '{"a": 1}', "{", "a.json cannot be read on one side: JSONDecodeError"),
        ("a.jsonl", '{"s": 1}\n', '{"s": 1}\n{"s": 2}\n', 'a.jsonl 1 was not there, is {"s": 2}'),
        ("l/a.txt", "car 0 1\nbus 0 2\n", "car 0 1\nbus 0 3\n", "l/a.txt line 2 was bus 0 2, is bus 0 3"),
        ("l/a.txt", "car 0 1\n", "car 0 1\nbus 0 3\n", "l/a.txt line 2 was not there, is bus 0 3"),
        (
            "experiment/yolo_v4_train.txt",
            "a { b: 1 c: 2 }",
            "a { b: 1 c: 3 }",
            "experiment/yolo_v4_train.txt c was 2, is 3",
        ),
    ],
)
def test_the_first_value_that_differs_is_named(sides, name, there, here, words):
    answer = compared(sides, name, (there, here))
    assert (answer.same, answer.difference) == (Verdict.NO, words)


def picture(path, *, colour=(10, 20, 30), dot=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (8, 6), colour)
    if dot:
        image.putpixel(dot, (13, 20, 30))
    image.save(path, **options)


def test_pictures_are_compared_by_pixels(sides):
    for side, level in zip(sides, (1, 9), strict=True):
        picture(side / "a.png", compress_level=level, dpi=(level, level))
    assert (sides[0] / "a.png").read_bytes() != (sides[1] / "a.png").read_bytes()
    assert compare_contents(*sides, ["a.png"])["a.png"].same is Verdict.YES

    picture(sides[1] / "a.png", dot=(2, 3))
    answer = compare_contents(*sides, ["a.png"])["a.png"]
    assert answer.same is Verdict.NO
    assert answer.difference == "pixels of a.png differ in the box (2, 3, 3, 4), by at most 3 of 255"


def test_a_picture_that_cannot_be_decoded_is_told_without_its_path(sides):
    picture(sides[0] / "a.png")
    (sides[1]).mkdir()
    (sides[1] / "a.png").write_bytes(b"no picture")
    answer = compare_contents(*sides, ["a.png"])["a.png"]
    assert (answer.same, answer.difference) == (Verdict.NO, "a.png cannot be decoded on one side")


def test_of_folders_the_names_are_compared_first(sides):
    for side, names in zip(sides, ("ab", "ac"), strict=True):
        for name in names:
            (side / "data").mkdir(parents=True, exist_ok=True)
            (side / "data" / f"{name}.txt").write_text("1")
    answer = compare_contents(*sides, ["data"])["data"]
    assert (answer.same, answer.difference) == (Verdict.NO, "b.txt is there only, of 2 such files")


def test_files_that_differ_in_a_folder_are_counted(sides):
    for side, value in zip(sides, (1, 2), strict=True):
        for name in "abc":
            (side / "data").mkdir(parents=True, exist_ok=True)
            (side / "data" / f"{name}.json").write_text(json.dumps(value if name != "b" else 0))
    answer = compare_contents(*sides, ["data"])["data"]
    assert answer.difference == "data/a.json was 1, is 2 (and 1 more files)"


def test_a_file_of_an_unknown_kind_cannot_be_told(sides):
    answer = compared(sides, "a.etlt", ("1", "2"))
    assert (answer.same, answer.difference) == (
        Verdict.CANNOT_TELL,
        "nothing here reads files such as a.etlt",
    )


def test_without_the_detectors_packages_its_files_cannot_be_told(sides, monkeypatch, tmp_path):
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\")\n")
    monkeypatch.setenv("PYTHONPATH", str(hidden))
    answer = compared(sides, "a.pt", ("1", "2"))
    assert answer.same is Verdict.CANNOT_TELL
    assert "the detector's packages are not installed here" in answer.difference


def test_text_of_others_is_shown_without_control_characters():
    assert "\x1b" not in first_difference({"a\x1b[2J": "x\x1b"}, {}, "")


def test_the_anchors_of_a_spec_can_be_left_out():
    spec = 'yolov4_config { big_anchor_shape: "[(1, 2)]" arch: "resnet" }'
    other = 'yolov4_config {\n  big_anchor_shape: "[(1, 3)]"\n  arch: "resnet" # why\n}'
    assert without_anchors(spec) == without_anchors(other)
    assert without_anchors(spec) != without_anchors(spec.replace("resnet", "vgg"))
