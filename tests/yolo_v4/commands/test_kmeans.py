import json
from pathlib import Path

import pytest
from PIL import Image

from yolo_v4.cli import main

# Two kinds of boxes in pictures of 100 x 200: 10 x 20 and 50 x 100, all alike, so the medians are known.
SMALL = "car 0 0 0 5 5 15 25 0 0 0 0 0 0 0\n"
BIG = "DontCare 0 0 0 20 20 70 120 0 0 0 0 0 0 0\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    for stem in ("a", "b"):
        Image.new("RGB", (100, 200)).save(tmp_path / "images" / f"{stem}.png")
        (tmp_path / "labels" / f"{stem}.txt").write_text(SMALL + BIG)
    return tmp_path


def _kmeans(data: Path, *more: str) -> int:
    folders = ["-l", str(data / "labels"), "-i", str(data / "images")]
    return main(["kmeans", *folders, "-x", "352", "-y", "288", "-n", "2", *more])


def test_anchors_are_printed_as_tao_prints_them(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # 10 x 20 of 100 x 200, stretched to 352 x 288, is 35.2 x 28.8; 50 x 100 is 176 x 144.
    assert _kmeans(data) == 0
    out, err = capsys.readouterr()
    assert out == (
        "Start optimization iteration: 1\n"
        "Please use following anchor sizes in YOLO config:\n"
        "(35.20, 28.80)\n"
        "(176.00, 144.00)\n"
        "Execution status: PASS\n"
    )
    assert err == ""


def test_the_status_file_has_the_anchors_as_tao_has_them(data: Path) -> None:
    assert _kmeans(data, "--results_dir", str(data / "results")) == 0
    lines = [json.loads(line) for line in (data / "results" / "status.json").read_text().splitlines()]
    assert [(line["status"], line["message"]) for line in lines] == [
        ("STARTED", "Starting k-means."),
        ("SUCCESS", "K-means finished successfully."),
    ]
    assert lines[1]["kpi"] == {"k-means generated anchors": "['(35.20, 28.80)', '(176.00, 144.00)']"}


def test_several_folders_are_taken_together(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels, images = str(data / "labels"), str(data / "images")
    arguments = ["kmeans", "-l", labels, labels, "-i", images, images, "-x", "100", "-y", "200", "-n", "2"]
    assert main(arguments) == 0
    assert "(10.00, 20.00)\n(50.00, 100.00)\n" in capsys.readouterr().out


def test_a_missing_label_is_told_and_left_out(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (100, 200)).save(data / "images" / "c.png")
    assert _kmeans(data) == 0
    assert f"Cannot find: {data}/labels/c.txt\n" in capsys.readouterr().out


def test_short_lines_are_skipped(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "labels" / "a.txt").write_text(SMALL + BIG + "car 0 0 0 1 1 90 190\n")
    assert _kmeans(data) == 0
    assert "(35.20, 28.80)\n(176.00, 144.00)\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (["-n", "4"], "Must have more boxes than clusters: found 4 boxes"),
        (["--min_x", "100"], r"found 2 boxes larger than 100 x 0 pixels (4 of any size)"),
        (["-n", "0"], "-n is 0, expected 1 or more"),
        (["-l", "x", "y"], "2 label folders and 1 image folders do not pair up"),
        (["-i", "nowhere"], "cannot list the pictures: [Errno 2] No such file or directory: 'nowhere'"),
    ],
)
def test_what_gives_no_anchors_is_refused_with_a_remedy(
    data: Path, capsys: pytest.CaptureFixture[str], more: list[str], complaint: str
) -> None:
    assert _kmeans(data, *more) == 1
    error = capsys.readouterr().err
    assert complaint in error
    assert "\n  try: " in error


def test_a_corner_that_is_no_number_is_refused_with_its_file(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "labels" / "a.txt").write_text(SMALL.replace("15", "nan"))
    assert _kmeans(data) == 1
    assert f"cannot convert float NaN to integer ({data}/labels/a.txt, object 0)" in capsys.readouterr().err


def test_an_empty_data_set_has_too_few_boxes(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in data.glob("*/*"):
        path.unlink()
    assert _kmeans(data) == 1
    assert "found 0 boxes" in capsys.readouterr().err
