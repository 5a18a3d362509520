import csv
import hashlib
import json
import os
import signal
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from tests.waiting import until
from yolo_v4.cli import main
from yolo_v4.prediction.round import Round

# On pictures of 128 x 96, which fill the 64 x 64 input at half size below 8 rows of padding, the model's cars
# of 20 x 10 around (16 or 48, 16 or 48) are 40 x 20 around (32 or 96, 16 or 80).
CORNERS = [
    (12.0, 6.0, 52.0, 26.0),
    (76.0, 6.0, 116.0, 26.0),
    (12.0, 70.0, 52.0, 90.0),
    (76.0, 70.0, 116.0, 90.0),
]


@pytest.fixture(autouse=True)
def few_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def _predict(trained, *inputs, out="out", flags=(), model=None) -> int:
    words = ["-m", str(model or trained.model), "-r", str(trained.folder / out), *flags]
    words += [] if str(model).endswith(".onnx") else ["-e", str(trained.spec)]
    return main(["predict", *words, "-i", *(str(path) for path in inputs)])


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _content(folder: Path) -> dict[str, bytes]:
    return {name: hashlib.sha256((folder / name).read_bytes()).digest() for name in _files(folder)}


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _pixels(path: Path):
    with Image.open(path) as picture:
        return np.asarray(picture, dtype=int)


def _images(trained) -> Path:
    return trained.folder / "images"


def _street(trained) -> Path:
    """Pictures of three kinds in two folders, with names that tell times and cameras."""
    for name in ("1004-2021_03_20_093424.jpg", "1004-2021_03_20_093524.jpg", "plain.png"):
        trained.add_picture(name)
    (_images(trained) / "밤 거리").mkdir()
    Image.new("RGB", (128, 96)).save(_images(trained) / "밤 거리" / "그림 1.bmp")
    Image.new("RGB", (128, 96)).save(_images(trained) / "밤 거리" / "그림 1.webp")
    (_images(trained) / "notes.txt").write_text("no picture")
    return _images(trained)


def test_pictures_labels_tables_and_counts_are_written_and_the_originals_stay(trained, capsys) -> None:
    street = _street(trained)
    before = _content(street)

    assert _predict(trained, street) == 0

    out = trained.folder / "out"
    stems = [
        "1004-2021_03_20_093424",
        "1004-2021_03_20_093524",
        "plain",
        "밤 거리/그림 1.bmp",
        "밤 거리/그림 1.webp",
    ]
    assert _files(out) == sorted(
        [
            *(f"annotated/images/{stem}.jpg" for stem in stems),
            *(f"labels/images/{stem}.txt" for stem in stems),
            *("counts.csv", "detections.csv", "detections.jsonl", "status.json"),
            *(".predict/journal.jsonl", ".predict/settings.json"),
        ]
    )
    assert _content(street) == before
    printed = capsys.readouterr().out
    assert "pictures: 5, videos: 0; left out: 1 .txt" in printed
    assert f"computed by PyTorch {torch.__version__} on the CPU, scores of 0.3 or more" in printed
    assert "objects: 20, on 5 pictures and frames" in printed


def test_counts_have_a_row_for_each_picture_with_camera_and_time(trained) -> None:
    assert _predict(trained, _street(trained)) == 0

    rows = _table(trained.folder / "out" / "counts.csv")
    assert [(row["camera"], row["time"], row["frame"]) for row in rows] == [
        ("images/1004", "2021-03-20T09:34:24", "images/1004-2021_03_20_093424.jpg"),
        ("images/1004", "2021-03-20T09:35:24", "images/1004-2021_03_20_093524.jpg"),
        ("images", "", "images/plain.png"),
        ("images/밤 거리", "", "images/밤 거리/그림 1.bmp"),
        ("images/밤 거리", "", "images/밤 거리/그림 1.webp"),
    ]
    assert {(row["bus"], row["car"], row["number"], row["seconds"]) for row in rows} == {("0", "4", "", "")}


def test_boxes_are_in_pixels_of_the_picture_in_every_form(trained) -> None:
    trained.add_picture("a.png")

    assert _predict(trained, _images(trained) / "a.png") == 0

    out = trained.folder / "out"
    lines = [json.loads(line) for line in (out / "detections.jsonl").read_text().splitlines()]
    assert sorted(tuple(line["box"]) for line in lines) == sorted(CORNERS)
    assert {(line["frame"], line["class"]) for line in lines} == {("a.png", "car")}
    assert [line["score"] for line in lines] == pytest.approx([0.9] * 4)
    rows = _table(out / "detections.csv")
    assert [[float(row[side]) for side in ("x1", "y1", "x2", "y2")] for row in rows] == [
        line["box"] for line in lines
    ]
    labels = [line.split() for line in (out / "labels" / "a.txt").read_text().splitlines()]
    assert [[round(float(side), 2) for side in label[4:8]] for label in labels] == [
        line["box"] for line in lines
    ]
    assert {(label[0], len(label)) for label in labels} == {("car", 16)}
    drawn = _pixels(out / "annotated" / "a.jpg")
    assert drawn.shape == (96, 128, 3)
    assert (abs(drawn - 128) > 60).any()


@pytest.mark.parametrize("runtime", ["onnxruntime", "pytorch"])
def test_results_are_those_of_evaluate_whichever_program_computes(trained, capsys, runtime) -> None:
    sizes = [(64, 64), (128, 96), (50, 61), (300, 20)]
    random = np.random.default_rng(3)
    for number, (width, height) in enumerate(sizes):
        trained.add_picture(f"{number}.png")
        pixels = random.integers(0, 255, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(_images(trained) / f"{number}.png")
    flags = ["-m", str(trained.model), "-e", str(trained.spec)]
    flags += ["--runtime", "pytorch"]
    assert main(["evaluate", *flags, "-r", str(trained.folder / "evaluated")]) == 0

    assert _predict(trained, _images(trained), flags=["-t", "0.02", "--runtime", runtime]) == 0

    assert f"computed by {runtime} " in capsys.readouterr().out.lower()
    expected = [
        json.loads(line)
        for line in (trained.folder / "evaluated" / "detections.jsonl").read_text().splitlines()
    ]
    found = [
        json.loads(line) for line in (trained.folder / "out" / "detections.jsonl").read_text().splitlines()
    ]
    assert len(found) == len(expected) == 4 * len(sizes)

    def by_place(rows):
        return sorted((Path(row["frame"]).name, row["class"], *row["box"], row["score"]) for row in rows)

    for ours, theirs in zip(by_place(found), by_place(expected), strict=True):
        assert ours[:2] == theirs[:2]
        np.testing.assert_allclose(ours[2:], theirs[2:], atol=0.02)


def test_of_pictures_in_the_size_of_the_network_pictures_and_labels_are_those_of_inference(trained) -> None:
    for number in range(3):
        trained.add_picture(f"{number}.jpg", size=(64, 64))
    flags = ["-m", str(trained.model), "-e", str(trained.spec), "-i", str(_images(trained))]
    assert main(["inference", *flags, "-r", str(trained.folder / "inferred")]) == 0

    assert _predict(trained, _images(trained)) == 0

    for ours, theirs in (("labels/images", "labels"), ("annotated/images", "images_annotated")):
        assert _content(trained.folder / "out" / ours) == _content(trained.folder / "inferred" / theirs)


def test_results_that_were_begun_by_one_program_are_not_gone_on_with_by_another(trained, capsys) -> None:
    trained.add_picture("a.png")
    assert _predict(trained, _images(trained), flags=["--runtime", "pytorch"]) == 0

    assert _predict(trained, _images(trained), flags=["--runtime", "onnxruntime"]) == 1

    assert "computed by" in capsys.readouterr().err


@pytest.mark.slow
def test_an_exported_model_explains_itself(trained, capsys) -> None:
    trained.add_picture("a.png")
    model = trained.folder / "model.onnx"
    assert main(["export", "-m", str(trained.model), "-e", str(trained.spec), "-o", str(model)]) == 0

    assert _predict(trained, _images(trained), model=model) == 0

    lines = (trained.folder / "out" / "detections.jsonl").read_text().splitlines()
    np.testing.assert_allclose(sorted(json.loads(line)["box"] for line in lines), sorted(CORNERS), atol=0.02)
    assert {json.loads(line)["class"] for line in lines} == {"car"}
    capsys.readouterr()
    assert _predict(trained, _images(trained), out="o", model=model, flags=["--runtime", "pytorch"]) == 1
    assert f"{model} is computed by onnxruntime alone" in capsys.readouterr().err


def test_every_fifth_frame_of_a_video_is_looked_at_unless_asked_otherwise(trained, make_clip) -> None:
    clip = make_clip(
        trained.folder / "00001.01234.mp4", frames=12, per_s=5, started="2019-06-28T08:15:33.000000Z"
    )

    assert _predict(trained, clip) == 0
    assert _predict(trained, clip, out="each", flags=["--every", "1"]) == 0

    rows = _table(trained.folder / "out" / "counts.csv")
    assert [(row["number"], row["seconds"], row["time"]) for row in rows] == [
        ("0", "0.0", "2019-06-28T08:15:33"),
        ("5", "1.0", "2019-06-28T08:15:34"),
        ("10", "2.0", "2019-06-28T08:15:35"),
    ]
    assert {(row["camera"], row["frame"], row["car"]) for row in rows} == {
        ("00001.01234", "00001.01234.mp4", "4")
    }
    assert _files(trained.folder / "out" / "annotated") == [
        f"00001.01234.mp4/{number:06d}.jpg" for number in (0, 5, 10)
    ]
    assert len(_table(trained.folder / "each" / "counts.csv")) == 12


def test_a_time_in_the_name_of_a_video_goes_before_its_own_clock(trained, make_clip) -> None:
    clip = make_clip(
        trained.folder / "cam_20210320_0934.mp4", frames=6, started="2019-06-28T08:15:33.000000Z"
    )

    assert _predict(trained, clip) == 0

    rows = _table(trained.folder / "out" / "counts.csv")
    assert [(row["camera"], row["time"]) for row in rows] == [
        ("cam", "2021-03-20T09:34:00"),
        ("cam", "2021-03-20T09:34:01"),
    ]


def test_a_picture_is_turned_upright_as_its_exif_orientation_says(trained, capsys) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0x9003] = "2019:06:28 08:15:33"
    Image.new("RGB", (96, 128), "grey").save(_images(trained) / "phone.jpg", exif=exif)

    assert _predict(trained, _images(trained)) == 0

    out = trained.folder / "out"
    lines = [json.loads(line) for line in (out / "detections.jsonl").read_text().splitlines()]
    assert sorted(tuple(line["box"]) for line in lines) == sorted(CORNERS)
    assert _pixels(out / "annotated" / "images" / "phone.jpg").shape == (96, 128, 3)
    assert _table(out / "counts.csv")[0]["time"] == "2019-06-28T08:15:33"
    assert "turned upright, as their files say: 1 pictures and frames" in capsys.readouterr().out


def test_damaged_exif_data_and_a_name_as_long_as_they_get_stop_nothing(trained) -> None:
    images = _images(trained)
    Image.new("RGB", (96, 128)).save(images / "cut.jpg", exif=b"Exif\0\0II*\0")
    # Orientation 6, and a tag whose values lie beyond the end of the block.
    entries = struct.pack("<HHII", 0x0112, 3, 1, 6) + struct.pack("<HHII", 0x8769, 4, 1, 0xFFFF)
    turned = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4)
    Image.new("RGB", (96, 128)).save(images / "turned.jpg", exif=turned)
    Image.new("RGB", (96, 128)).save(images / f"{'ü' * 125}.jpg")  # 254 bytes

    assert _predict(trained, images) == 0

    out = trained.folder / "out"
    assert len(_table(out / "counts.csv")) == 3
    assert _pixels(out / "annotated" / "images" / "turned.jpg").shape == (96, 128, 3)


def test_what_cannot_be_read_is_listed_and_the_verdict_is_that_it_cannot_be_told(
    trained, make_clip, capsys
) -> None:
    trained.add_picture("a.png")
    images = _images(trained)
    whole = (images / "a.png").read_bytes()
    (images / "cut.png").write_bytes(whole[: len(whole) // 2])
    (images / "empty.jpg").write_bytes(b"")
    (images / "clip.mp4").write_bytes(b"no video")
    header = b"IHDR" + struct.pack(">II", 50_000, 20_000) + b"\x08\x02\0\0\0"
    (images / "bomb.png").write_bytes(
        b"\x89PNG\r\n\x1a\n\0\0\0\r" + header + struct.pack(">I", zlib.crc32(header)) + b"\0\0\0\0IDAT"
    )

    assert _predict(trained, images) == 5

    error = capsys.readouterr().err
    assert error.startswith("error: 4 pictures or videos could not be read:\n")
    rows = {row["frame"]: row["reason"] for row in _table(trained.folder / "out" / "unread.csv")}
    assert [*rows] == ["images/bomb.png", "images/clip.mp4", "images/cut.png", "images/empty.jpg"]
    assert "Image size (1000000000 pixels) exceeds limit" in rows["images/bomb.png"]
    assert len(_table(trained.folder / "out" / "counts.csv")) == 1
    last = json.loads((trained.folder / "out" / "status.json").read_text().splitlines()[-1])
    assert (last["status"], last["kpi"]["unread"], last["kpi"]["frames"]) == ("FAILURE", 4, 1)

    for name in ("cut.png", "empty.jpg", "clip.mp4", "bomb.png"):
        (images / name).unlink()
    assert _predict(trained, images) == 0
    assert not (trained.folder / "out" / "unread.csv").exists()


def test_more_damaged_pictures_than_may_be_left_out_end_the_work(trained, capsys) -> None:
    trained.add_picture("z.png")
    for name in ("a.png", "b.png"):
        (_images(trained) / name).write_bytes(b"")

    assert _predict(trained, _images(trained), flags=["--skip_damaged", "1"]) == 1

    assert "2 pictures or videos could not be read, and at most 1 may be left out" in capsys.readouterr().err
    assert not (trained.folder / "out" / "counts.csv").exists()


def test_a_second_run_does_only_what_is_not_done(trained, make_clip, monkeypatch, capsys) -> None:
    street = _street(trained)
    make_clip(street / "clip.mp4", frames=6)
    assert _predict(trained, street) == 0
    before = _content(trained.folder / "out")
    (street / "more.jpg").write_bytes((street / "plain.png").read_bytes())
    capsys.readouterr()

    looked_at = []
    worker = Round.run

    def counted(self, start):
        def work(task):
            looked_at.append((task.item.name, task.number))
            return start_()(task)

        start_ = start
        return worker(self, lambda: work)

    monkeypatch.setattr(Round, "run", counted)
    assert _predict(trained, street) == 0

    assert looked_at == [("images/more.jpg", -1)]
    assert "goes on: 6 of 7 were done before" in capsys.readouterr().out
    after = _content(trained.folder / "out")
    unchanged = {name for name in before if after[name] == before[name]}
    assert {*before} - unchanged == {
        *("counts.csv", "detections.csv", "detections.jsonl", "status.json", ".predict/journal.jsonl")
    }


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_to_the_same_results(trained) -> None:
    for number in range(60):
        trained.add_picture(f"{number:03d}.png")
    words = ["-m", str(trained.model), "-e", str(trained.spec), "-i", str(_images(trained))]
    assert main(["predict", *words, "-r", str(trained.folder / "whole")]) == 0
    out = trained.folder / "killed"
    command = [sys.executable, "-m", "yolo_v4", "predict", *words, "-r", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    journal = out / ".predict" / "journal.jsonl"
    until(lambda: journal.exists() and journal.read_bytes().count(b"\n") >= 5, process=process, every_s=0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = journal.read_bytes().count(b"\n")
    assert 5 <= done < 60

    assert main(["predict", *words, "-r", str(out)]) == 0

    assert journal.read_bytes().count(b"\n") == 60
    assert (out / "counts.csv").read_bytes() == (trained.folder / "whole" / "counts.csv").read_bytes()
    assert (out / "detections.csv").read_bytes() == (trained.folder / "whole" / "detections.csv").read_bytes()
    assert _files(out / "annotated") == _files(trained.folder / "whole" / "annotated")
    assert not list(out.rglob("*.part"))


def test_results_of_other_settings_are_told_and_left(trained, capsys) -> None:
    trained.add_picture("a.png")
    assert _predict(trained, _images(trained)) == 0
    before = _content(trained.folder / "out")
    capsys.readouterr()

    assert _predict(trained, _images(trained), flags=["-t", "0.5", "--every", "2"]) == 1

    error = capsys.readouterr().err
    assert "were made with other settings, and are not mixed" in error
    assert "threshold: 0.3 before, 0.5 now" in error
    assert "every: 5 before, 2 now" in error
    after = _content(trained.folder / "out")
    assert {name for name in before if after[name] != before[name]} == {"status.json"}


def test_the_folder_of_results_may_lie_in_the_folder_of_pictures_and_is_left_out(trained, capsys) -> None:
    trained.add_picture("a.png")

    for _ in range(2):
        assert _predict(trained, _images(trained), out="images/found") == 0

    assert len(_table(_images(trained) / "found" / "counts.csv")) == 1
    assert "left out: 1 folder of results" in capsys.readouterr().out


@pytest.mark.parametrize("link", ["labels/images", "annotated/images/sub"])
def test_no_link_in_the_results_leads_to_the_originals(trained, capsys, link) -> None:
    (_images(trained) / "sub").mkdir()
    trained.add_picture("sub/a.jpg")
    before = _content(_images(trained))
    assert _predict(trained, _images(trained)) == 0
    place = trained.folder / "out" / link
    moved = place.with_name("moved")
    place.rename(moved)
    place.symlink_to(_images(trained) / ("sub" if link.endswith("sub") else ""))

    assert _predict(trained, _images(trained)) == 1

    assert "is a link, and results would be written where it leads" in capsys.readouterr().err
    assert _content(_images(trained)) == before


def test_tables_have_the_names_of_classes_that_the_user_knows(trained, tmp_path) -> None:
    trained.add_picture("a.png")
    (tmp_path / "names.json").write_text(json.dumps({"car": "자동 차", "lorry": "x"}))

    assert _predict(trained, _images(trained), flags=["--class_names", str(tmp_path / "names.json")]) == 0

    out = trained.folder / "out"
    assert (out / "counts.csv").read_text(encoding="utf-8").splitlines()[0].endswith(",bus,자동 차")
    assert {row["class"] for row in _table(out / "detections.csv")} == {"자동 차"}
    assert (out / "labels" / "images" / "a.txt").read_text().startswith("car ")


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["-t", "1"], "--threshold is 1.0, expected a number between 0 and 1"),
        (["--every", "0"], "--every is 0, expected 1 or more"),
        (["--skip_damaged", "-1"], "--skip_damaged is -1, expected 0 or more"),
        (["--class_names", "/nowhere"], "/nowhere is no JSON table of class names"),
    ],
)
def test_flags_that_cannot_be_met_are_refused(trained, capsys, flags, complaint) -> None:
    trained.add_picture("a.png")

    assert _predict(trained, _images(trained), flags=flags) == 1
    assert complaint in capsys.readouterr().err


def _foreign_onnx(*, external: bool) -> bytes:
    """A model of another program; `external`: with a constant that lies in another file."""
    one, two = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [4]) for name in ("Input", "boxes")
    )
    constant = onnx.helper.make_tensor("c", onnx.TensorProto.FLOAT, [4], [1.0, 2.0, 3.0, 4.0])
    if external:
        constant.ClearField("float_data")
        constant.data_location = onnx.TensorProto.EXTERNAL
        constant.external_data.add(key="location", value="secret.bin")
    add = onnx.helper.make_node("Add", ["Input", "c"], ["boxes"])
    graph = onnx.helper.make_graph([add], "g", [one], [two], [constant])
    opset = [onnx.helper.make_opsetid("", 17)]
    content: bytes = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    return content


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"garbage", "is not an ONNX model that can be read"),
        (_foreign_onnx(external=False), "nothing tells how it is used"),
        (_foreign_onnx(external=True), "is not an ONNX model that can be read"),
    ],
    ids=["garbage", "of another program", "with data elsewhere"],
)
def test_an_onnx_file_that_is_none_or_not_explained_is_refused(trained, capsys, content, complaint) -> None:
    trained.add_picture("a.png")
    (trained.folder / "secret.bin").write_bytes(bytes(16))
    (trained.folder / "m.onnx").write_bytes(content)

    assert _predict(trained, _images(trained), model=trained.folder / "m.onnx") == 1
    assert complaint in capsys.readouterr().err


def test_a_model_without_its_spec_is_refused(trained, capsys) -> None:
    trained.add_picture("a.png")
    words = ["-m", str(trained.model), "-i", str(_images(trained)), "-r", str(trained.folder / "out")]

    assert main(["predict", *words]) == 1
    assert "does not tell how its input is made" in capsys.readouterr().err


def test_files_that_come_meanwhile_are_told(trained, monkeypatch, capsys) -> None:
    trained.add_picture("a.png")
    worker = Round.run

    def late(self, start):
        trained.add_picture("late.png")
        return worker(self, start)

    monkeypatch.setattr(Round, "run", late)
    assert _predict(trained, _images(trained)) == 0

    assert (
        "note: files that came meanwhile: 1; the same command again looks at them" in capsys.readouterr().out
    )


def test_a_picture_that_goes_meanwhile_is_listed(trained, monkeypatch) -> None:
    for name in ("a.png", "gone.png"):
        trained.add_picture(name)
    worker = Round.run

    def thief(self, start):
        (_images(trained) / "gone.png").unlink()
        return worker(self, start)

    monkeypatch.setattr(Round, "run", thief)
    assert _predict(trained, _images(trained)) == 5

    (row,) = _table(trained.folder / "out" / "unread.csv")
    assert (row["frame"], "no picture at" in row["reason"]) == ("images/gone.png", True)
