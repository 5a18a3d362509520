import json
from pathlib import Path

import pytest
from PIL import Image

from yolo_v4.cli import main
from yolo_v4.data.tfrecord import decode, read_records

LINE = "car 0.00 0 0.00 10.00 20.00 30.00 40.00 0 0 0 0 0 0 0\n"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """Three frames with a car each, and a spec that converts them into one file."""
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    for stem in ("a", "b", "c.1"):
        Image.new("RGB", (64, 48)).save(tmp_path / "images" / f"{stem}.jpg")
        (tmp_path / "labels" / f"{stem}.txt").write_text(LINE)
    path = tmp_path / "spec.txt"
    path.write_text(
        f'kitti_config {{ root_directory_path: "{tmp_path}" image_dir_name: "images"\n'
        'label_dir_name: "labels" image_extension: ".jpg"\n'
        'partition_mode: "random" num_partitions: 2 val_split: 0 num_shards: 1 }\n'
    )
    return path


def _convert(spec: Path, *more: str) -> int:
    return main(["dataset_convert", "-d", str(spec), "-o", str(spec.parent / "out" / "train"), *more])


def _records(spec: Path) -> list[bytes]:
    return [record for file in sorted((spec.parent / "out").glob("train-*")) for record in read_records(file)]


def test_frames_with_dots_in_their_names_keep_them(spec: Path) -> None:
    assert _convert(spec) == 0
    names = {decode(record)["frame/id"][0] for record in _records(spec)}
    assert names == {b"images/a", b"images/b", b"images/c.1"}


def test_the_same_frames_give_the_same_bytes(spec: Path) -> None:
    _convert(spec)
    first = _records(spec)
    _convert(spec)
    assert _records(spec) == first


def test_without_a_results_folder_there_is_no_status_and_each_message_is_said_once(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _convert(spec) == 0
    console = capsys.readouterr().err
    assert console.count("Num images in\nTrain: 3\tVal: 0") == 1
    assert " - root - " not in console
    assert not list(spec.parent.rglob("status.json"))


def test_a_relative_root_leads_below_data_base_path(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec.write_text(spec.read_text().replace(str(spec.parent), spec.parent.name))
    monkeypatch.setenv("DATA_BASE_PATH", str(spec.parent.parent))
    assert _convert(spec) == 0
    assert len(_records(spec)) == 3


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("labels/b.txt", LINE.replace("10.00", "nan"), "cannot convert float NaN to integer"),
        ("labels/b.txt", LINE.strip() + " 0.5\n", "labels should have only 15 fields"),
        ("labels/b.txt", LINE.replace(" 0 0.00", f" {2**64} 0.00", 1), "a number does not fit into a record"),
        ("labels/b.txt", None, "cannot read the label file"),
        ("images/b.jpg", "", "is not a picture"),
    ],
)
def test_bad_data_ends_the_conversion_with_the_file_and_a_remedy_and_no_records(
    spec: Path, capsys: pytest.CaptureFixture[str], file: str, content: str | None, complaint: str
) -> None:
    (spec.parent / file).unlink()
    if content is not None:
        (spec.parent / file).write_text(content)
    assert _convert(spec, "-r", str(spec.parent / "results")) == 1
    error = capsys.readouterr().err.partition("error: ")[2]
    assert complaint in error
    assert str(spec.parent / file) in error
    assert "\n  try: " in error
    assert "Traceback" not in error
    assert list((spec.parent / "out").iterdir()) == []
    last = json.loads((spec.parent / "results" / "status.json").read_text().splitlines()[-1])
    assert last["status"] == "FAILURE"
    assert complaint in last["message"]


def test_an_empty_data_set_writes_nothing_and_says_which_endings_there_are(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec.write_text(spec.read_text().replace(".jpg", ".png"))
    assert _convert(spec) == 0
    warning = capsys.readouterr().err.partition("warning: ")[2]
    assert f'no image in {spec.parent}/images ends in ".png"; it has files that end in .jpg' in warning
    assert "image_extension" in warning


def test_a_sequence_file_that_is_no_map_is_refused(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (spec.parent / "sequences.json").write_text("[1, 2]")
    text = spec.read_text().replace('"random"', '"sequence" kitti_sequence_to_frames_file: "sequences.json"')
    spec.write_text(text)
    assert _convert(spec) == 1
    assert "sequences.json is not a map of lists" in capsys.readouterr().err


def test_an_output_folder_that_cannot_be_made_is_named(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (spec.parent / "out").write_text("a file")
    assert _convert(spec) == 1
    assert f"{spec.parent}/out" in capsys.readouterr().err.partition("error: ")[2]


def test_an_extension_without_its_dot_is_answered_with_it(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec.write_text(spec.read_text().replace('".jpg"', '"jpg"'))
    assert _convert(spec) == 1
    said = capsys.readouterr().err
    assert 'image_extension is "jpg", without its dot' in said
    assert 'try: write image_extension: ".jpg"' in said
