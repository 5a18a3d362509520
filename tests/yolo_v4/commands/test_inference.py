import json

import numpy as np
import pytest
from PIL import Image

from yolo_v4.cli import main

# Pictures of 128 x 96 stand at half size at the top left of the 64 x 64 input, so the model's cars of 20 x 10
# around (16 or 48, 16 or 48) are 40 x 20 around (32 or 96, 32 or 96) there.
CORNERS = {(12, 22, 52, 42), (76, 22, 116, 42), (12, 86, 52, 106), (76, 86, 116, 106)}


def _infer(trained, *more: str) -> int:
    return main(["inference", "-m", str(trained.model), "-e", str(trained.spec), *more])


def _files(folder) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_results_folder_takes_annotated_pictures_labels_and_status(trained) -> None:
    for name in ("a.jpg", "b.c.PNG", "d.jpeg"):
        trained.add_picture(name)
    (trained.folder / "images" / "notes.txt").write_text("not a picture")

    assert _infer(trained, "-i", str(trained.folder / "images"), "-r", str(trained.folder / "out")) == 0

    assert _files(trained.folder / "out") == [
        "images_annotated/a.jpg",
        "images_annotated/b.c.PNG",
        "images_annotated/d.jpeg",
        "labels/a.txt",
        "labels/b.c.txt",
        "labels/d.txt",
        "status.json",
    ]
    last = json.loads((trained.folder / "out" / "status.json").read_text().splitlines()[-1])
    assert (last["status"], last["message"]) == ("SUCCESS", "Inference finished successfully.")


def test_labels_have_sixteen_columns_in_pixels_of_the_picture(trained) -> None:
    trained.add_picture("a.png")

    _infer(trained, "-i", str(trained.folder / "images"), "-r", str(trained.folder / "out"))

    rows = [line.split() for line in (trained.folder / "out" / "labels" / "a.txt").read_text().splitlines()]
    assert {len(row) for row in rows} == {16}
    assert {tuple(round(float(value), 3) for value in row[4:8]) for row in rows} == CORNERS
    assert {tuple(row[:4] + row[8:15]) for row in rows} == {("car", *("0",) * 10)}
    assert [float(row[15]) for row in rows] == pytest.approx([0.9] * 4)


def test_the_older_flags_take_a_folder_each_and_one_picture_will_do(trained) -> None:
    trained.add_picture("a.png")
    images, labels = trained.folder / "seen", trained.folder / "said"

    assert (
        _infer(trained, "-i", str(trained.folder / "images" / "a.png"), "-o", str(images), "-l", str(labels))
        == 0
    )

    assert _files(images) == ["a.png"]
    assert _files(labels) == ["a.txt"]
    before = np.asarray(Image.open(trained.folder / "images" / "a.png"))
    after = np.asarray(Image.open(images / "a.png"))
    assert before.shape == after.shape
    assert (before != after).any()


def test_a_score_below_the_threshold_leaves_an_empty_label_file(trained) -> None:
    trained.add_picture("a.png")

    assert (
        _infer(
            trained,
            "--image_dir",
            str(trained.folder / "images"),
            "-l",
            str(trained.folder / "out"),
            "-t",
            "0.95",
        )
        == 0
    )

    assert (trained.folder / "out" / "a.txt").read_text() == ""


def test_broken_pictures_are_named_after_the_others_are_done(trained, capsys) -> None:
    trained.add_picture("a.png")
    trained.add_picture("d.png")
    images = trained.folder / "images"
    (images / "b.jpg").write_bytes(b"")
    whole = (images / "a.png").read_bytes()
    (images / "c.png").write_bytes(whole[: len(whole) // 2])

    assert _infer(trained, "-i", str(images), "-r", str(trained.folder / "out")) == 1

    assert _files(trained.folder / "out" / "labels") == ["a.txt", "d.txt"]
    error = capsys.readouterr().err
    assert error.startswith("error: 2 of 4 pictures could not be read:")
    assert str(images / "b.jpg") in error
    assert str(images / "c.png") in error


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["-i", "FOLDER/labels", "-r", "FOLDER/out"], "holds no .jpg, .jpeg or .png files"),
        (["-i", "FOLDER/nowhere", "-r", "FOLDER/out"], "is no folder or picture"),
        (["-i", "FOLDER/out.data", "-r", "FOLDER/out"], "out.data is called as no picture is"),
        (["-i", "FOLDER/images"], "nowhere to write"),
        (["-i", "FOLDER/images", "-r", "FOLDER/out", "-t", "0"], "--threshold is 0.0"),
        (["-i", "FOLDER/images", "-r", "FOLDER/out", "-t", "nan"], "--threshold is nan"),
    ],
)
def test_flags_that_cannot_be_met_are_refused(trained, capsys, flags, complaint) -> None:
    Image.new("RGB", (64, 64)).save(trained.folder / "out.data", "JPEG")

    assert _infer(trained, *(flag.replace("FOLDER", str(trained.folder)) for flag in flags)) == 1

    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert complaint in error


def test_class_names_may_have_any_letters(trained) -> None:
    trained.change('key: "car" value: "car"', 'key: "car" value: "fußgänger"')
    trained.add_picture("a.png")

    assert _infer(trained, "-i", str(trained.folder / "images"), "-r", str(trained.folder / "out")) == 0

    rows = (trained.folder / "out" / "labels" / "a.txt").read_text(encoding="utf-8").splitlines()
    assert {row.split()[0] for row in rows} == {"fußgänger"}


def test_a_picture_a_pixel_high_is_one_like_others(trained) -> None:
    trained.add_picture("line.png", size=(2000, 1))

    assert _infer(trained, "-i", str(trained.folder / "images"), "-r", str(trained.folder / "out")) == 0

    assert (trained.folder / "out" / "labels" / "line.txt").exists()


def test_pictures_are_never_written_over_the_originals(trained, capsys) -> None:
    trained.add_picture("a.png")
    images = trained.folder / "images"
    (trained.folder / "same").symlink_to(images)
    before = (images / "a.png").read_bytes()

    for place in (images, trained.folder / "same"):
        assert _infer(trained, "-i", str(images), "-o", str(place), "-l", str(trained.folder / "said")) == 1
        assert "would be written over the originals" in capsys.readouterr().err

    assert (images / "a.png").read_bytes() == before
    assert not list((trained.folder / "said").iterdir())


def test_no_two_pictures_share_a_label_file(trained) -> None:
    for name in ("a.jpg", "a.png", "a.png.jpg", "b.png"):
        trained.add_picture(name)

    assert _infer(trained, "-i", str(trained.folder / "images"), "-r", str(trained.folder / "out")) == 0

    assert _files(trained.folder / "out" / "labels") == ["a.jpg.txt", "a.png.jpg.txt", "a.png.txt", "b.txt"]


def test_what_is_passed_over_and_where_results_are_is_told(trained, capsys) -> None:
    for name in ("a.jpg", "b.bmp", "c.webp", "night/d.png"):
        (trained.folder / "images" / name).parent.mkdir(exist_ok=True)
        trained.add_picture(name)
    images, out = trained.folder / "images", trained.folder / "out"

    assert _infer(trained, "-i", str(images), "-r", str(out)) == 0

    told = capsys.readouterr()
    taken = f"only .jpg, .jpeg, .png directly in {images} are taken"
    assert f"note: 'b.bmp', 'c.webp', 'night/' passed over: {taken}\n" in told.err
    assert f"annotated pictures are in {out}/images_annotated; labels are in {out}/labels\n" in told.out
    assert _files(out / "labels") == ["a.txt"]


def test_nothing_is_told_of_a_single_picture_s_neighbours(trained, capsys) -> None:
    for name in ("a.jpg", "b.bmp"):
        trained.add_picture(name)

    assert (
        _infer(trained, "-i", str(trained.folder / "images" / "a.jpg"), "-r", str(trained.folder / "o")) == 0
    )

    assert "passed over" not in capsys.readouterr().err


def test_help_says_how_pictures_are_placed(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["inference", "--help"])

    words = " ".join(capsys.readouterr().out.split())
    assert "at the top left on black, scaled with Lanczos" in words
    assert "evaluate and the exported ONNX centre them on their mean colour" in words
