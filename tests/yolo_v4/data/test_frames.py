"""Frames from label folders and from TFRecords: the same rules for both."""

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from yolo_v4.data import example_pb2
from yolo_v4.data.frames import Frame, Objects, dropped_in_words, read_frames
from yolo_v4.data.tfrecord import encode, write_records
from yolo_v4.errors import DataError
from yolo_v4.spec.load import load_experiment

ROW = "{name} 0.00 {occlusion} 0.00 {box} 0 0 0 0 0 0 0\n"
OBJECTS = [
    ("Car", 0, (10, 10, 30, 20)),
    ("van", 0, (-5, 40, 15, 80)),
    ("bus", 2, (30, 30, 60, 60)),
    ("tram", 0, (1, 1, 9, 9)),
    ("car", 0, (90, 5, 120, 30)),
    ("car", 0, (5, 5, 5.05, 40)),
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """One picture, 80 x 64, with `OBJECTS`, as label folder and as records of two folds."""
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    Image.new("RGB", (80, 64)).save(tmp_path / "images" / "frame.png")
    rows = [
        ROW.format(name=name, occlusion=occlusion, box=" ".join(map(str, box)))
        for name, occlusion, box in OBJECTS
    ]
    (tmp_path / "labels" / "frame.txt").write_text("".join(rows))
    example = {
        "frame/id": [b"images/frame"],
        "frame/width": [80],
        "frame/height": [64],
        "target/object_class": [name.lower().encode() for name, _, _ in OBJECTS],
        "target/occlusion": [occlusion for _, occlusion, _ in OBJECTS],
    }
    for place, corner in enumerate(("x1", "y1", "x2", "y2")):
        example[f"target/coordinates_{corner}"] = [float(box[place]) for _, _, box in OBJECTS]
    empty = example | {key: [] for key in example if key.startswith("target/")}
    write_records(tmp_path / "r-fold-000-of-002-shard-00000-of-00001", [encode(empty)])
    write_records(tmp_path / "r-fold-001-of-002-shard-00000-of-00001", [encode(example), encode(empty)])
    return tmp_path


@pytest.fixture
def read(data: Path, write_spec: Callable[..., Path]) -> Callable[..., list[Frame]]:
    """Reads a split of `data`; `kind` is labels or records."""

    def read(split: str, kind: str, **changes: str) -> list[Frame]:
        labels = f'label_directory_path: "{data}/labels" image_directory_path: "{data}/images"'
        pattern = changes.pop("pattern", "r-*")
        records = f'tfrecords_path: "{data}/{pattern}" image_directory_path: "{data}"'
        spec = write_spec(dataset='image_extension: "png"' + changes.pop("dataset", ""))
        text = spec.read_text()
        start, end = text.index("  data_sources"), text.index("  target_class_mapping")
        source = labels if kind == "labels" else records
        sources = f"data_sources {{ {source} }}\n"
        if kind == "labels":
            sources += f"validation_data_sources {{ {source} }}\n"
        spec.write_text(text[:start] + sources + text[end:])
        return read_frames(load_experiment(spec), split)  # type: ignore[arg-type]

    return read


@pytest.mark.parametrize("kind", ["labels", "records"])
def test_classes_are_mapped_boxes_clipped_and_the_rest_dropped(
    read: Callable[..., list[Frame]], data: Path, kind: str
) -> None:
    frame = read("train", kind, dataset=" include_difficult_in_training: true")[0]

    assert frame.image == data / "images/frame.png"
    assert frame.boxes.tolist() == [[10, 10, 30, 20], [0, 40, 15, 64], [30, 30, 60, 60]]
    assert frame.classes.tolist() == [1, 1, 0]  # bus, car
    assert frame.difficult.tolist() == [False, False, True]
    assert frame.boxes.dtype == np.float32


@pytest.mark.parametrize("kind", ["labels", "records"])
def test_difficult_objects_are_left_out_of_training_unless_asked_for(
    read: Callable[..., list[Frame]], kind: str
) -> None:
    assert read("train", kind)[0].classes.tolist() == [1, 1]


def test_difficult_objects_stay_in_validation(read: Callable[..., list[Frame]]) -> None:
    # The third is beyond the picture; what of it lies on the network input is decided there.
    assert read("validation", "labels")[0].difficult.tolist() == [False, False, True, False]


def test_one_set_of_records_is_split_by_its_validation_fold(read: Callable[..., list[Frame]]) -> None:
    assert len(read("train", "records")) == 2
    assert len(read("validation", "records")) == 1
    assert len(read("train", "records", dataset=" validation_fold: 1")) == 1


def test_frames_come_in_sorted_order(street: Path, write_spec: Callable[..., Path]) -> None:
    frames = read_frames(load_experiment(write_spec()), "train")

    assert [frame.image.name for frame in frames] == [f"frame_{number}.png" for number in range(6)]


@pytest.mark.parametrize("name", ["frame.PNG", "frame.Png"])
def test_pictures_of_a_label_folder_may_end_in_capitals(
    read: Callable[..., list[Frame]], data: Path, name: str
) -> None:
    (data / "images" / "frame.png").rename(data / "images" / name)

    assert [frame.image.name for frame in read("train", "labels")] == [name]


def test_a_record_whose_picture_is_missing_is_named(read: Callable[..., list[Frame]], data: Path) -> None:
    (data / "images" / "frame.png").unlink()

    with pytest.raises(DataError, match=r"no picture at .*frame.png, which record 0 .*r-fold-001") as caught:
        read("train", "records")

    assert "image_extension" in caught.value.remedy


@pytest.mark.parametrize("extension", ["png", ".png"])
def test_the_extension_of_pictures_may_have_its_dot(
    read: Callable[..., list[Frame]], data: Path, extension: str
) -> None:
    frames = read("train", "records", dataset=f' image_extension: "{extension}"')

    assert {frame.image for frame in frames} == {data / "images" / "frame.png"}


def test_a_pattern_without_files_is_refused_in_tao_words(
    read: Callable[..., list[Frame]], data: Path
) -> None:
    for path in data.glob("r-*"):
        path.unlink()

    with pytest.raises(DataError, match="No files match pattern"):
        read("train", "records")


def test_a_folder_without_frames_is_refused(read: Callable[..., list[Frame]], data: Path) -> None:
    shutil.rmtree(data / "labels")

    with pytest.raises(DataError, match="the train data have no frame"):
        read("train", "labels")


@pytest.mark.parametrize("wrong", [{"frame/id": [3]}, {"frame/width": [b"wide"]}])
def test_a_record_of_other_code_is_named(
    read: Callable[..., list[Frame]], data: Path, wrong: dict[str, list[object]]
) -> None:
    example = example_pb2.Example()
    for key, values in (
        {"frame/id": [b"images/frame"], "frame/width": [80], "frame/height": [64]} | wrong
    ).items():
        kind = "int64_list" if isinstance(values[0], int) else "bytes_list"
        getattr(example.features.feature[key], kind).value.extend(values)
    write_records(data / "r-fold-001-of-002-shard-00000-of-00001", [example.SerializeToString()])

    with pytest.raises(DataError, match=r"record 0 .*r-fold-001.* is not an example of dataset_convert"):
        read("train", "records")


def test_a_file_that_an_ended_conversion_left_behind_is_no_record_file(
    read: Callable[..., list[Frame]], data: Path
) -> None:
    (data / ".r-fold-001-of-002-shard-00001-of-00001.17.part").write_bytes(b"half")

    assert len(read("train", "records", pattern="*fold*")) == 2


def test_what_a_conversion_said_beside_its_records_is_no_record_file(
    read: Callable[..., list[Frame]], data: Path
) -> None:
    (data / "r-fold_warning.json").write_text("{}")

    assert len(read("train", "records", pattern="*fold*")) == 2


def test_what_is_left_out_is_counted_by_class_and_told(
    street: Path, write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    labels = tmp_path / "labels"
    shutil.copytree(street / "labels", labels)
    with (labels / "frame_0.txt").open("a") as stream:
        stream.write("Lorry 0 0 0 1 1 9 9 0 0 0 0 0 0 0\n1 0.5 0.5 0.2 0.2\n")
    with (labels / "frame_1.txt").open("a") as stream:
        stream.write("lorry 0 0 0 1 1 9 9 0 0 0 0 0 0 0\nDontCare 0 0 0 1 1 9 9 0 0 0 0 0 0 0\n")
    spec = write_spec()
    spec.write_text(spec.read_text().replace(str(street / "labels"), str(labels)))
    dropped: Counter[str] = Counter()

    read_frames(load_experiment(spec), "train", dropped=dropped)

    assert dropped_in_words(dropped, "train") == (
        "left out of the train data: objects of classes that target_class_mapping lacks: "
        "dontcare (1), lorry (2); 1 rows with fewer than 9 columns"
    )
    assert dropped_in_words(Counter(), "train") == ""


def test_the_objects_of_many_frames_are_found_at_once(tmp_path: Path) -> None:
    counts = (2, 0, 3)
    frames = [
        Frame(
            image=tmp_path / "x.png",
            boxes=np.full((count, 4), place, dtype=np.float32),
            classes=10 * place + np.arange(count),
            difficult=np.zeros(count, dtype=bool),
        )
        for place, count in enumerate(counts)
    ]
    objects = Objects(frames)

    boxes, classes, places = objects.of(np.array([2, 1, 0, 2]))

    assert classes.tolist() == [20, 21, 22, 0, 1, 20, 21, 22]
    assert boxes[:, 0].tolist() == [2, 2, 2, 0, 0, 2, 2, 2]
    assert places.tolist() == [0, 0, 0, 2, 2, 3, 3, 3]
    assert len(objects) == 3
    assert objects.per_frame == pytest.approx(5 / 3)
    assert objects.most == 3


def test_one_object_of_each_frame_is_drawn_and_rare_classes_more_often(tmp_path: Path) -> None:
    # Four cars and a bus on the first frame, none on the second, twelve cars on the third: weights 1/4 and 1.
    classes = ([0, 0, 0, 0, 1], [], [0] * 12)
    frames = [
        Frame(
            image=tmp_path / "x.png",
            boxes=np.array([[10 * n, 0, 10 * n + 4, 2] for n in range(len(one))], dtype=np.float32).reshape(
                -1, 4
            ),
            classes=np.array(one, dtype=np.int64),
            difficult=np.zeros(len(one), dtype=bool),
        )
        for one in classes
    ]
    asked = [(0, 0.0), (0, 0.12), (0, 0.13), (0, 0.49), (0, 0.51), (0, 0.999), (0, 1.0), (1, 0.5), (2, 0.999)]
    numbers = np.array([number for _, number in asked])

    centres = Objects(frames).drawn(np.array([frame for frame, _ in asked]), numbers)

    found = [None if np.isnan(x) else (x, y) for x, y in centres.tolist()]
    assert found == [
        *((2.0, 1.0), (2.0, 1.0), (12.0, 1.0), (32.0, 1.0), (42.0, 1.0), (42.0, 1.0)),
        *(None, None, (112.0, 1.0)),
    ]
