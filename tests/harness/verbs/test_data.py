import hashlib
import io
import json
import os
import shlex
import zipfile

import pytest
from PIL import Image

from harness.cli import main
from harness.settings.dataset import load_dataset
from harness.settings.load import load_settings
from harness.stages.download import Download
from harness.stages.gen_valid import GenValid
from harness.stages.verify import Verify

pytestmark = pytest.mark.usefixtures("signals_as_before")


def picture(shade, kind="JPEG", size=(96, 64)):
    stream = io.BytesIO()
    Image.new("RGB", size, (shade, 90, 90)).save(stream, kind)
    return stream.getvalue()


def write(path, files):
    """A folder, or an archive where the path ends in .zip."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def cvat(subsets=("train",), folder="", frames=10):
    files = {"obj.names": "person\ntraffic light\n"}
    for subset in subsets:
        for number in range(frames):
            stem = f"obj_{subset}_data/{folder.format(number)}프레임 {number}"
            files[f"{stem}.png"] = picture(10 * number, "PNG")
            files[f"{stem}.txt"] = f"{number % 2} 0.5 0.5 0.5 0.5\n"
    return files


def ultralytics():
    files = {"data.yaml": "path: /elsewhere\nnames: {0: person, 1: car}\n"}
    for number in range(10):
        files[f"images/train/{number}.jpg"] = picture(number)
        files[f"labels/train/{number}.txt"] = "1 0.5 0.5 0.5 0.5\n"
    return files


def coco():
    images = [{"id": n, "file_name": f"{n}.jpg", "width": 96, "height": 64} for n in range(10)]
    boxes = [{"image_id": n, "category_id": 1, "bbox": [24, 16, 48, 32]} for n in range(10)]
    text = json.dumps({"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "car"}]})
    return {"annotations/instances_default.json": text, **{f"images/{n}.jpg": picture(n) for n in range(10)}}


def kitti():
    files = {}
    for number in range(10):
        files[f"image_2/{number}.png"] = picture(number, "PNG")
        files[f"label_2/{number}.txt"] = "Car 0 0 0 24 16 72 48 0 0 0 0 0 0 0\n"
    return files


def content_of(folder):
    return {path: hashlib.sha256(path.read_bytes()).digest() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The folder that the command is typed in, apart from what is given."""
    (tmp_path / "here").mkdir()
    (tmp_path / "given").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def last_command(printed):
    return shlex.split(printed.splitlines()[-1].removeprefix("next: "))


@pytest.mark.parametrize("form", ["", ".zip"])
@pytest.mark.parametrize("files", [cvat, ultralytics, coco, kitti])
def test_what_is_written_serves_the_first_stages_and_what_was_given_stays(here, capsys, files, form):
    given = write(here.parent / "given" / f"my street{form}", files())
    before = content_of(here.parent / "given")

    assert main(["new-dataset", str(given)]) == 0

    command = last_command(capsys.readouterr().out)
    assert command[:2] == ["jamcam", "all"]
    options = dict(word.removeprefix("--").split("=", 1) for word in command[2:])
    assert options == {
        "recipe": "photographs",
        "dataset": "my_street/my_street.toml",
        "workspace": "my_street",
    }
    settings = load_settings({**options, "engine": "here"}, {})
    for kind in (Download, Verify, GenValid):
        kind(settings=settings).run()
    labels = [path.read_text() for path in (here / "my_street/data/.frames/labels").iterdir()]
    # 0.5 +- 0.25 of 96 and of 64 pixels
    assert len(labels) == 10
    assert all(" 24.00 16.00 72.00 48.00 " in label for label in labels)
    assert content_of(here.parent / "given") == before


def test_the_spec_has_the_classes_and_the_size_of_the_pictures(here):
    write(here / "a.zip", cvat())

    assert main(["new-dataset", "a.zip"]) == 0

    spec = (here / "a/specs/yolo_v4_train_resnet10_photographs.txt").read_text()
    assert 'key: "traffic_light"' in spec
    assert '"bicycle"' not in spec
    assert "output_width: 96\n  output_height: 64\n" in spec


def test_the_file_of_the_data_set_says_what_was_found(here):
    torn = {"obj_train_data/x.jpg": b"torn", "obj_train_data/x.txt": "", "obj_train_data/alone.jpg": b""}
    path = write(here / "a.zip", {**cvat(), **torn})

    assert main(["new-dataset", "a.zip"]) == 0

    dataset = load_dataset("a/a.toml")
    assert dataset.classes == ("person", "traffic light")
    assert dataset.address == path.as_uri()
    assert dataset.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (dataset.width_px, dataset.height_px) == (96, 64)
    assert (dataset.unpaired, dataset.skip_damaged) == ("skip", 1)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (cvat(), {"test_pct": 20}),
        (cvat(folder="cam{}/", frames=6), {"test_pct": 20, "group": "folder"}),
        (cvat(("train", "valid")), {"test_subsets": ("valid",)}),
        (cvat(("train", "Test", "val2017")), {"test_subsets": ("Test",), "val_subsets": ("val2017",)}),
        (cvat(("test",)), {"test_pct": 20}),
    ],
)
def test_the_split_keeps_subsets_else_folders_else_draws_frames(here, files, expected):
    write(here / "a.zip", files)

    assert main(["new-dataset", "a.zip"]) == 0

    split = load_dataset("a/a.toml").split
    nothing = {"test_pct": 0, "group": "frame", "test_subsets": (), "val_subsets": ()}
    assert {key: getattr(split, key) for key in nothing} == {**nothing, **expected}


def test_pictures_of_several_sizes_declare_none(here):
    write(here / "a.zip", {**cvat(), "obj_train_data/프레임 0.png": picture(1, "PNG", (640, 480))})

    assert main(["new-dataset", "a.zip"]) == 0

    assert "_px" not in (here / "a/a.toml").read_text()


def test_another_recipe_and_folder_can_be_chosen_and_make_is_answered_in_its_words(here, capsys, monkeypatch):
    write(here / "a.zip", cvat())
    monkeypatch.setitem(os.environ, "JAMCAM_VIA", "make")

    assert main(["new-dataset", "--from=a.zip", "--recipe=smoke", "--workspace=b"]) == 0

    words = ["make", "all", "RECIPE=smoke", "DATASET=b/b.toml", "WORKSPACE=b"]
    assert last_command(capsys.readouterr().out) == words
    assert (here / "b/specs/yolo_v4_train_resnet10_smoke.txt").exists()


def test_what_is_there_already_is_not_written_over(here, capsys):
    write(here / "a.zip", cvat())
    assert main(["new-dataset", "a.zip"]) == 0
    before = content_of(here)

    assert main(["new-dataset", "a.zip"]) == 2

    assert "a/a.toml is there already" in capsys.readouterr().err
    assert content_of(here) == before


def test_a_folder_and_a_spec_of_the_users_are_left_alone(here, capsys):
    write(here / "a.zip", cvat())
    write(here / "a", {"mine.txt": "x"})
    write(here / "b", {"specs/yolo_v4_train_resnet10_photographs.txt": "# edited"})
    before = content_of(here)

    assert main(["new-dataset", "a.zip"]) == 2
    assert main(["new-dataset", "a.zip", "--workspace=b"]) == 2

    said = capsys.readouterr().err
    assert f"{here / 'a'} is there already, and nothing of yours is written over" in said
    assert "photographs.txt is there already" in said
    assert content_of(here) == before


def test_nothing_is_written_where_nothing_can_be_used(here, capsys):
    write(here / "a.zip", {"task.zip": b"PK"})

    assert main(["new-dataset", "a.zip"]) == 1
    assert main(["new-dataset"]) == 2

    assert [path.name for path in here.iterdir()] == ["a.zip"]
    assert "no archive or folder was given" in capsys.readouterr().err
