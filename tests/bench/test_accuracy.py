"""The bench of accuracy: frames divided by camera, specs of variants, rows and their table."""

import json
import os
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rows
import runs
from judging import MEAN, Score, of_labels
from peer import kitti_of_found, yolo_of_kitti
from PIL import Image
from runs import Run, Variant, variants
from splits import HELD_OUT, TRAIN, kitti_of_yolo, prepare, split_of

from harness.errors import HarnessError
from yolo_v4.data.frames import read_frames
from yolo_v4.errors import DataError
from yolo_v4.spec.load import load_experiment
from yolo_v4.spec.training_checks import check_training

FOLDERS = ("2017-12-15", "2017-12-16", "2017-12-25", "1001", "1002", "1503", "2702", "9705")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two frames of each of several cameras and days, packed as CVAT does."""
    path = tmp_path / "frames.zip"
    Image.new("RGB", (200, 100), "grey").save(tmp_path / "frame.jpg")
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("data/obj.names", "person\nbicycle\ncar\n")
        for folder in FOLDERS:
            for name in ("a", "b"):
                packed.write(tmp_path / "frame.jpg", f"data/obj_train_data/{folder}/{name}.jpg")
                text = "2 0.5 0.5 0.25 0.5\n" if name == "a" else ""
                packed.writestr(f"data/obj_train_data/{folder}/{name}.txt", text)
    return path


def test_frames_are_divided_by_camera_and_day(archive: Path, tmp_path: Path) -> None:
    counts = prepare([archive], tmp_path / "data")

    found = {
        split: sorted(path.stem for path in (tmp_path / "data" / split / "labels").iterdir())
        for split in counts
    }
    assert found == {
        "train": ["2017-12-15__a", "2017-12-15__b", "2702__a", "2702__b"],
        "choice-street": ["2017-12-25__a", "2017-12-25__b"],
        "choice-cameras": ["1001__a", "1001__b", "1002__a", "1002__b"],
        "test-street": ["2017-12-16__a", "2017-12-16__b"],
        "test-cameras": ["1503__a", "1503__b", "9705__a", "9705__b"],
    }
    assert counts == {split: len(names) for split, names in found.items()}
    assert not (tmp_path / "data.part").exists()
    label = tmp_path / "data" / "train" / "labels" / "2702__a.txt"
    assert label.read_text() == "car 0 0 0 75.00 25.00 125.00 75.00 0 0 0 0 0 0 0\n"
    assert label.with_name("2702__b.txt").read_text() == ""


def test_frames_of_other_archives_are_not_taken_for_those_that_were_asked_for(
    archive: Path, tmp_path: Path
) -> None:
    prepare([archive], tmp_path / "data")
    prepare([archive], tmp_path / "data")  # the same again: nothing to do
    other = tmp_path / "other.zip"
    other.write_bytes(archive.read_bytes() + b"\0")

    with pytest.raises(HarnessError, match="holds the frames of other archives"):
        prepare([other], tmp_path / "data")


def test_a_box_that_leaves_its_picture_is_clipped() -> None:
    line = kitti_of_yolo("1 0.0 0.9 0.5 0.4\r\n\r\n", ["person", "bicycle"], (200, 100))

    assert line == "bicycle 0 0 0 0.00 70.00 50.00 100.00 0 0 0 0 0 0 0\n"


def test_the_archives_at_hand_fall_into_every_split(shared: Path) -> None:
    folders = set()
    for name in ("nyc_ourcamera_yolo11.zip", "sg_cameras_yolo11.zip"):
        with zipfile.ZipFile(shared / "data" / name) as archive:
            folders |= {member.split("/")[2] for member in archive.namelist() if member.endswith(".jpg")}

    by_split = {split: {one for one in folders if split_of(one) == split} for split in (TRAIN, *HELD_OUT)}

    assert {split: len(found) for split, found in by_split.items()} == {
        "train": 17,  # seven days and ten cameras
        "choice-street": 2,
        "choice-cameras": 4,
        "test-street": 1,
        "test-cameras": 7,
    }


@pytest.fixture
def make_run(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes runs whose anchors are known."""
    prepare([archive], tmp_path / "data")
    anchors = {"small": "[(5, 5)]", "mid": "[(9, 9)]", "big": "[(40, 30)]"}
    monkeypatch.setattr(runs, "anchors", lambda *_: anchors)

    def make(variant: str, seed: int = 3, passes: int = 7) -> Run:
        return Run(variant=variant, seed=seed, passes=passes, data=tmp_path / "data", work=tmp_path / "work")

    return make


@pytest.mark.parametrize("variant", variants())
def test_every_variant_is_a_spec_that_can_be_trained(variant: str, make_run) -> None:
    experiment = load_experiment(make_run(variant).spec("choice-street"))
    base = load_experiment(make_run("base").spec("choice-street"))

    check_training(experiment)
    assert (experiment.random_seed, experiment.training.epochs) == (3, 7)
    size = (experiment.augmentation.width, experiment.augmentation.height)
    assert size == {"448": (448, 352), "544": (544, 448)}.get(variant[-3:], (352, 288))
    assert experiment.dataset.train[0].labels == make_run("base").data / "train" / "labels"
    assert experiment.dataset.validation[0].images == make_run("base").data / "choice-street" / "images"
    assert experiment.classes == ("bicycle", "bus", "car", "motorbike", "person", "truck")
    assert (experiment == base) == (variant == "base")


def test_what_differs_in_what_is_looked_at_alone_is_judged_with_the_weights_of_another_variant(
    make_run,
) -> None:
    trained, larger = make_run("finer-zoom"), make_run("finer-zoom-larger")

    assert larger.results == trained.results
    assert larger.folder != trained.folder
    looked = load_experiment(larger.spec("choice-street")).for_inference()
    assert (looked.augmentation.width, looked.augmentation.height) == (448, 352)
    assert looked.network == load_experiment(trained.spec("choice-street")).network


def test_a_run_that_was_killed_goes_on_at_its_last_epoch(make_run, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run("base", passes=3)
    asked = []

    def train(*words: object) -> None:
        spec = load_experiment(words[2])  # type: ignore[arg-type]
        asked.append((words[0], spec.training.resume_path))
        for epoch in (1, 2) if len(asked) == 1 else (3,):
            path = run.folder / "results" / "weights" / f"yolov4_resnet10_epoch_{epoch:03}.pt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    monkeypatch.setattr(runs, "yolo_v4", train)

    second = run.train()  # the first call ends early, as if it had been killed
    third = run.train()
    run.train()

    assert (second.name, third.name) == ("yolov4_resnet10_epoch_002.pt", "yolov4_resnet10_epoch_003.pt")
    assert asked == [("train", None), ("train", second)]
    assert run.code["commit"]


def test_a_run_does_not_go_on_with_another_spec_under_the_same_name(
    make_run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run("base", passes=3)

    def train(*_: object) -> None:
        path = run.results / "weights" / "yolov4_resnet10_epoch_001.pt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    monkeypatch.setattr(runs, "yolo_v4", train)
    run.train()
    monkeypatch.setattr(runs, "variants", lambda: {"base": Variant(spec="# another", trained_as="base")})

    with pytest.raises(HarnessError, match="was trained with another spec than base has now"):
        run.train()


def test_the_time_of_a_run_is_that_of_the_epochs_that_count(make_run) -> None:
    run = make_run("base")
    status = run.folder / "results" / "status.json"
    status.parent.mkdir(parents=True)
    lines = [
        {"phase": "epoch", "epoch": 1, "duration_s": 10.0},
        {"phase": "epoch", "epoch": 2, "duration_s": 70.0},  # killed before its checkpoint
        {"numerics": {"threads": 2}},
        {"phase": "epoch", "epoch": 2, "duration_s": 12.0},
        {"phase": "validation", "epoch": 2, "duration_s": 5.0},
    ]
    status.write_text("".join(json.dumps(line) + "\n" for line in lines))

    assert run.epochs_s == 22.0
    assert run.numerics == {"threads": 2}


def scores(*means: float) -> list[Score]:
    return [Score("car", 30, np.array(means) + 0.1), Score(MEAN, 30, np.array(means))]


def test_scores_are_told_with_their_interval_and_the_draws_of_their_mean() -> None:
    found = scores(0.5, 0.1, 0.90004, np.nan, 0.4)

    assert rows.described(found)["car"] == {"ap": 0.6, "interval": [0.215, 0.975], "objects": 30}
    assert rows.mean_draws(found) == [0.5, 0.1, 0.9, None, 0.4]


def row(variant: str, seed: int, *draws: float | None, **more: object) -> rows.Row:
    """A row with the mean of all frames, and of draws of them."""
    mean = {"ap": draws[0], "interval": [0.0, 1.0], "objects": 30}
    described = {"car": {"ap": draws[0] + 0.1, "objects": 30}, MEAN: mean}  # type: ignore[operator]
    return {
        **{"variant": variant, "seed": seed, "passes": 2, "frames_seen": 3512, "split": "choice-cameras"},
        **{"scores": described, "draws": [*draws], "number_format": "fp32"},
        **more,
    }


def table_of(*every: rows.Row) -> list[str]:
    return [line.rstrip() for line in rows.table(every).splitlines()]


def test_the_table_tells_what_helped_and_how_sure_that_is() -> None:
    # Differences are taken draw by draw: with seed 1 that of "better" is 0.1 in each, whatever the draw.
    found = table_of(
        row("worse", 1, 0.17, 0.07, None, 0.27),
        row("base", 1, 0.2, 0.1, 0.2, 0.3),  # its place among the rows does not matter
        row("better", 1, 0.3, 0.2, 0.3, 0.4),
        row("base", 2, 0.22, 0.20, 0.22, 0.24),
        row("better", 2, 0.34, 0.4, 0.34, 0.28),
    )

    assert found == [
        "choice-cameras, 2 passes, 3512 frames seen",
        "variant                  seeds   mean  interval        to base  interval          sd     classes",
        "better, fp32                 2  0.320  0.301 to 0.339  +0.110   +0.072 to +0.148  0.014  car 0.420",
        "base, fp32                   2  0.210  0.153 to 0.267                                    car 0.310",
        "worse, fp32                  1  0.170  0.075 to 0.265  -0.030   -0.030 to -0.030         car 0.270",
    ]


@pytest.mark.parametrize(
    "base",
    [
        row("base", 2, 0.2, 0.2),
        row("base", 1, 0.2, 0.2, number_format="bf16"),
        row("base", 1, 0.2, 0.2, split="choice-street"),
        row("base", 1, 0.2, 0.2, passes=8),
        row("base", 1, 0.2, 0.2, 0.2),
        row("base", 1, 0.2, 0.2, scores={MEAN: {"ap": 0.2, "interval": [0.0, 1.0], "objects": 29}}),
    ],
    ids=[
        "another seed",
        "another number format",
        "other frames",
        "another length",
        "more draws",
        "other objects",
    ],
)
def test_a_base_of_another_kind_is_no_base_to_compare_with(base: rows.Row) -> None:
    other = row("other", 1, 0.3, 0.3)

    line = next(line for line in table_of(base, other) if line.startswith("other"))

    assert "+" not in line


def test_rows_from_before_draws_were_kept_tell_the_difference_that_was_taken_then() -> None:
    earlier = row("better", 1, 0.3, to_base={"mean": 0.1, "interval": [0.09, 0.12]})
    del earlier["draws"]

    assert table_of(earlier)[-1] == (
        "better, fp32                 1  0.300  0.000 to 1.000  +0.100   +0.090 to +0.120         car 0.400"
    )


def test_no_interval_is_told_of_a_mean_over_runs_of_which_one_has_no_draws() -> None:
    earlier = row("better", 1, 0.3, to_base={"mean": 0.1, "interval": [0.09, 0.12]})
    del earlier["draws"]

    found = table_of(earlier, row("base", 2, 0.2, 0.1, 0.3), row("better", 2, 0.4, 0.3, 0.5))

    assert " to " not in found[2]
    assert " ".join(found[2].split()) == "better, fp32 2 0.350 +0.150 0.071 car 0.450"


def test_of_several_bases_a_run_is_compared_with_the_newest() -> None:
    bases = [
        row("base", 1, mean, mean, number_format=number_format)
        for number_format, mean in (("bf16", 0.1), ("fp32", 0.2))
    ]
    peer = row("peer", 1, 0.3, 0.3)
    del peer["number_format"]

    assert "+0.100   +0.100 to +0.100" in table_of(*bases, peer)[2]
    assert "+0.200   +0.200 to +0.200" in table_of(*reversed(bases), peer)[2]


def test_of_a_run_that_was_done_again_the_newest_row_counts(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    for mean in (0.1, 0.3):
        rows.append(row("base", 1, mean, mean), path)

    assert " ".join(table_of(*rows.read(path))[-1].split()) == "base, fp32 1 0.300 0.300 to 0.300 car 0.400"


def test_runs_in_different_number_formats_stand_apart() -> None:
    lines = [
        line.split()[:4]
        for line in table_of(
            row("base", 1, 0.1, 0.1, number_format="bf16"), row("base", 1, 0.3, 0.3, number_format="fp32")
        )[2:]
    ]

    assert lines == [["base,", "fp32", "1", "0.300"], ["base,", "bf16", "1", "0.100"]]


def test_a_peer_is_judged_beside_the_base(
    make_run, checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base, name = make_run("base", seed=3, passes=7), "other-seed3-passes7"
    base.folder.mkdir(parents=True)
    splits = ("choice-street", "choice-cameras")
    for split in splits:
        found = base.work / "peers" / name / "found" / split
        found.mkdir(parents=True)
        for label in (base.data / split / "labels").iterdir():  # everything is found
            text = label.read_text().replace("0 0 0 0 0 0 0\n", "0 0 0 0 0 0 0 0.9\n")
            (found / label.name).write_text(text)
    kept: list[rows.Row] = []
    for split, cars in zip(splits, (1, 2), strict=True):
        mean = {"ap": 0.25, "interval": [0.25, 0.25], "objects": cars}
        scores = {"car": {"ap": 0.25, "objects": cars}, MEAN: mean}
        kept.append(row("base", 3, *[0.25] * 1001, split=split, passes=7, scores=scores))
    monkeypatch.setattr(rows, "append", kept.append)
    monkeypatch.setattr(rows, "read", lambda: kept)
    monkeypatch.setattr(sys, "argv", ["accuracy", "peer", "--work", str(base.work), "--name", name])
    (base.work / "data").symlink_to(base.data)

    for _ in range(2):  # the second time there is nothing left to do
        runpy.run_path(str(checkout / "bench" / "accuracy"), run_name="__main__")

    assert [(one["split"], one["variant"], one["frames_seen"]) for one in kept[2:]] == [
        ("choice-street", "other", 28),  # four frames, seven times
        ("choice-cameras", "other", 28),
    ]
    assert [one["scores"]["car"]["ap"] for one in kept[2:]] == [1.0, 1.0]
    assert capsys.readouterr().out.count("+0.750   +0.750 to +0.750") == 4  # two tables of two splits


def test_a_peers_labels_are_ours_and_back() -> None:
    kitti = (
        "car 0 0 0 75.00 25.00 125.00 75.00 0 0 0 0 0 0 0\nbus 0 0 0 0.00 0.00 200.00 100.00 0 0 0 0 0 0 0\n"
    )

    yolo = yolo_of_kitti(kitti, (200, 100))

    assert yolo == "2 0.500000 0.500000 0.250000 0.500000\n4 0.500000 0.500000 1.000000 1.000000\n"
    classes = ["person", "bicycle", "car", "motorbike", "bus", "truck"]
    assert kitti_of_yolo(yolo, classes, (200, 100)) == kitti


def test_what_a_peer_found_is_written_with_its_score() -> None:
    assert kitti_of_found([(3, 0.25, (1.0, 2.0, 30.5, 40.25))]) == (
        "motorbike 0 0 0 1.00 2.00 30.50 40.25 0 0 0 0 0 0 0 0.250000\n"
    )


def test_every_row_that_is_kept_tells_what_ran() -> None:
    kept = rows.read()

    assert kept
    for one in kept:
        assert one["split"] in HELD_OUT
        assert one["commit"]
        # Where a processor has no bfloat16, the format was once set in runs.py by hand.
        assert set(one["changed"]) <= {"bench/accuracy/runs.py"}
        assert one["scores"].keys() > {MEAN}


def ask(*words: object) -> subprocess.CompletedProcess[str]:
    """What `python bench/accuracy` says."""
    program = [sys.executable, Path(runs.CHECKOUT, "bench", "accuracy")]
    environment = {**os.environ, "PYTHONPATH": str(runs.CHECKOUT)}
    return subprocess.run([*program, *words], capture_output=True, text=True, env=environment)


def test_what_is_no_archive_of_frames_is_refused_with_words(tmp_path: Path) -> None:
    missing, other = tmp_path / "missing.zip", tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as packed:
        packed.writestr("readme.txt", "")
    words = ("--work", tmp_path / "work", "--variants", "base")

    said = [ask("run", "--archives", path, *words) for path in (missing, other)]

    assert [one.returncode for one in said] == [2, 2]
    assert [one.stderr.splitlines()[-1].partition("--archives: ")[2] for one in said] == [
        f"{missing} is no zip archive, or is not there",
        f'{other} has no data/obj.names: export it from CVAT as "YOLO 1.1"',
    ]


def test_a_spec_that_cannot_be_judged_is_refused_with_words(tmp_path: Path) -> None:
    said = ask("judge", "-e", tmp_path / "spec.txt", "-p", tmp_path)

    assert said.returncode == 1
    assert said.stderr.startswith("error: ")
    assert "\n  try: " in said.stderr
    assert "Traceback" not in said.stderr


def test_classes_of_label_files_are_read_as_the_spec_maps_them_and_others_are_told(
    make_run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = load_experiment(make_run("base").spec("choice-street"))
    frames = read_frames(experiment, "validation")
    found = "0 0 0 75.00 25.00 125.00 75.00 0 0 0 0 0 0 0 0.9"
    for frame in frames:
        (tmp_path / f"{frame.image.stem}.txt").write_text(f"Car {found}\ndog {found}\n")

    _, detected = of_labels(tmp_path, frames, experiment)

    assert [one.classes.tolist() for one in detected] == [[experiment.classes.index("car")]] * 2
    assert capsys.readouterr().out == "left out, of classes that the spec does not map: dog 2\n"


@pytest.mark.parametrize("score", ["", " nan"])
def test_a_row_of_what_was_found_needs_a_score(make_run, tmp_path: Path, score: str) -> None:
    experiment = load_experiment(make_run("base").spec("choice-street"))
    frames = read_frames(experiment, "validation")
    for frame in frames:
        line = f"car 0 0 0 75.00 25.00 125.00 75.00 0 0 0 0 0 0 0{score}\n"
        (tmp_path / f"{frame.image.stem}.txt").write_text(line)

    with pytest.raises(DataError, match="without a score: car 0 0 0"):
        of_labels(tmp_path, frames, experiment)


def test_an_interval_over_cameras_needs_two(make_run, tmp_path: Path) -> None:
    spec = make_run("base").spec("choice-street")  # of one camera
    for frame in read_frames(load_experiment(spec), "validation"):
        (tmp_path / f"{frame.image.stem}.txt").touch()

    said = ask("judge", "-e", spec, "-p", tmp_path, "--by-camera")

    assert said.returncode == 1
    assert said.stderr.startswith("error: an interval over cameras needs frames of two or more, named like ")
