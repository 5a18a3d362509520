import io
import struct
import zlib
from dataclasses import replace

import pytest
from PIL import Image

from harness.data.inspection import inspect_frames
from harness.data.pictures import picture_problem
from harness.settings.dataset import Dataset, SplitRule

DATASET = Dataset(
    name="d",
    title="d",
    archive="d.zip",
    classes=("person", "car"),
    width_px=32,
    height_px=24,
    split=SplitRule(),
)


def jpeg(size=(32, 24), *, colour=90, mode="L"):
    stream = io.BytesIO()
    Image.new(mode, size, colour).save(stream, "JPEG")
    return stream.getvalue()


def speckled():
    stream = io.BytesIO()
    Image.effect_noise((32, 24), 80).save(stream, "JPEG")
    return stream.getvalue()


def png_header(width, height):
    """A PNG that says how large it is, and nothing else."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


def resized_header(content, width, height):
    """A JPEG whose frame header claims another size."""
    at = content.index(b"\xff\xc0") + 5
    return content[:at] + struct.pack(">HH", height, width) + content[at + 4 :]


def inspect(folder, frames, dataset=DATASET):
    for name, (picture, label) in frames.items():
        for kind, content in (("images/{}.jpg", picture), ("labels_raw/{}.txt", label)):
            path = folder / kind.format(name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
    return inspect_frames(folder, frames, dataset, say=print)


def test_a_sound_frame_has_no_problems_and_kitti_labels(tmp_path):
    findings = inspect(tmp_path, {"a": (jpeg(), b"1 0.5 0.5 0.5 0.5\n"), "b": (jpeg(colour=1), b"")})

    assert findings.problems == []
    assert findings.labels == {"a": "car 0.00 0 0.00 8.00 6.00 24.00 18.00 0 0 0 0 0 0 0\n", "b": ""}
    assert findings.identical_pictures == []


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_pictures_of_any_colour_are_pictures(mode):
    colour = 90 if mode == "L" else (90,) * len(mode)

    assert picture_problem(jpeg(colour=colour, mode=mode), width_px=32, height_px=24) == ""


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "an empty file"),
        (b"<html>", r"no picture \(6 bytes, starting with b'<html>'\)"),
        (png_header(32, 24), r"no picture \(33 bytes, starting with b'\\x89PNG"),
        (jpeg()[:-30], "Truncated File Read"),
        (speckled()[:-100], "image file is truncated"),
        (jpeg((24, 32)), "24x32"),
        (resized_header(jpeg(), 40_000, 25_000), "1000000000 pixels, of which 100000000 at most"),
        (resized_header(jpeg(), 12_000, 9_000), "12000x9000"),
    ],
)
def test_a_picture_that_is_not_what_it_should_be_is_called_what_it_is(tmp_path, content, fault):
    findings = inspect(tmp_path, {"a": (content, b"")})

    assert [problem.where for problem in findings.problems] == ["images/a.jpg"]
    assert findings.problems[0].expected == "a picture of 32x24"
    with pytest.raises(AssertionError, match=fault):
        raise AssertionError(findings.problems[0].found)


def test_without_a_declared_size_each_box_is_of_its_own_picture(tmp_path):
    label = b"0 0.5 0.5 0.5 0.5\n"
    free = replace(DATASET, width_px=0, height_px=0)

    findings = inspect(tmp_path, {"a": (jpeg(), label), "b": (jpeg((80, 40)), label)}, free)

    assert findings.problems == []
    assert findings.labels == {
        "a": "person 0.00 0 0.00 8.00 6.00 24.00 18.00 0 0 0 0 0 0 0\n",
        "b": "person 0.00 0 0.00 20.00 10.00 60.00 30.00 0 0 0 0 0 0 0\n",
    }
    assert findings.sizes == {(32, 24): 1, (80, 40): 1}
    assert findings.box_sizes == {(16.0, 12.0): 1, (40.0, 20.0): 1}


def test_all_problems_are_collected(tmp_path):
    findings = inspect(tmp_path, {"a": (b"", b"7 0 0 0 0\nx\n"), "b": (jpeg(), b"\xff\xfe\x00")})

    assert [problem.where for problem in findings.problems] == [
        "images/a.jpg",
        "labels_raw/a.txt:1",
        "labels_raw/a.txt:2",
        "labels_raw/b.txt",
    ]


def test_repeated_and_tiny_boxes_are_left_out_and_counted(tmp_path):
    label = b"1 0.5 0.5 0.5 0.5\n1 0.5 0.5 0.5 0.5\n0 0.5 0.5 0.01 0.5\n"

    findings = inspect(tmp_path, {"a": (jpeg(), label)})

    assert (findings.boxes_repeated, findings.boxes_under_a_pixel) == (1, 1)
    assert len(findings.labels["a"].splitlines()) == 1


def test_the_same_picture_twice_is_told(tmp_path):
    same = (jpeg(), b"")

    findings = inspect(tmp_path, {"c": same, "a": same, "b": (jpeg(colour=1), b"")})

    assert findings.problems == []
    assert findings.identical_pictures == [["a", "c"]]
