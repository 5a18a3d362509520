"""What a user may give `train` by mistake: a clear word, status 1, FAILURE in status.json; or it works."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from yolo_v4.cli import main
from yolo_v4.data.tfrecord import write_records


@pytest.fixture
def train(write_spec: Callable[..., Path], street: Path, tmp_path: Path) -> Callable[..., int]:
    """Trains one epoch on pictures and labels of a folder; gives the exit status."""
    torch.set_num_threads(1)

    def train(folder: Path, *replacements: tuple[str, str], **added: str) -> int:
        spec = write_spec(
            training=f"num_epochs: 1 checkpoint_interval: 1 {added.pop('training', '')}", **added
        )
        text = spec.read_text().replace(str(street), str(folder))
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        spec.write_text(text)
        return main(["train", "-e", str(spec), "-r", str(tmp_path / "results")])

    return train


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data" / "images").mkdir(parents=True)
    (tmp_path / "data" / "labels").mkdir()
    return tmp_path / "data"


def add(folder: Path, name: str, size: tuple[int, int], label: str) -> None:
    Image.new("RGB", size, "grey").save(folder / "images" / f"{name}.png")
    (folder / "labels" / f"{name}.txt").write_text(label)


def last_status(tmp_path: Path) -> str:
    return str(json.loads((tmp_path / "results" / "status.json").read_text().splitlines()[-1])["status"])


def test_one_picture_smaller_than_a_stride_and_a_batch_larger_than_the_set(train, folder: Path) -> None:
    add(folder, "tiny", (17, 5), "car 0 0 0 2 1 12 4 0 0 0 0 0 0 0")

    assert train(folder, ("batch_size_per_gpu: 4", "batch_size_per_gpu: 7")) == 0


def test_pictures_of_a_few_pixels_and_very_long_ones(train, folder: Path) -> None:
    add(folder, "dot", (2, 2), "car 0 0 0 0 0 2 2 0 0 0 0 0 0 0")
    add(folder, "line", (2000, 1), "car 0 0 0 0 0 900 1 0 0 0 0 0 0 0")

    assert train(folder) == 0


def test_weights_that_a_last_step_has_spoilt_are_not_saved(
    train, street: Path, tmp_path: Path, capsys
) -> None:
    # The first and only step of the epoch has a loss that is fine, and jumps to where nothing is.
    rates = (
        "min_learning_rate: 1e-5 max_learning_rate: 1e-3 soft_start: 0.2",
        "min_learning_rate: 1e-5 max_learning_rate: 1e30 soft_start: 0",
    )

    assert train(street, ("batch_size_per_gpu: 4", "batch_size_per_gpu: 6"), rates) == 1

    assert "after epoch 1 the validation loss is nan, so the weights are spoilt" in capsys.readouterr().err
    assert last_status(tmp_path) == "FAILURE"
    assert list((tmp_path / "results" / "weights").iterdir()) == []


def test_a_batch_that_has_one_value_to_normalise_by(train, street: Path, capsys) -> None:
    sizes = ("output_width: 64 output_height: 64", "output_width: 32 output_height: 32")

    assert train(street, ("batch_size_per_gpu: 4", "batch_size_per_gpu: 1"), sizes) == 1

    assert "batch_size_per_gpu: 1 is not supported at 32x32" in capsys.readouterr().err


def test_16_bits_a_channel(train, street: Path, capsys) -> None:
    depth = ("output_channel: 3", "output_channel: 1 output_depth: 16")

    assert train(street, depth, dataset='image_extension: "png"') == 1

    assert "output_depth is 16, which is not built here" in capsys.readouterr().err


@pytest.mark.parametrize(
    "label",
    [
        "pedestrian 0 0 0 2 1 12 40 0 0 0 0 0 0 0",  # no class of the mapping
        "car 0 0 0 12 1 12 40 0 0 0 0 0 0 0",  # no width
        "car 0 0 0 90 1 99 40 0 0 0 0 0 0 0",  # beside the picture
        "car 0 2 0 2 1 12 40 0 0 0 0 0 0 0",  # occluded
        "",
    ],
)
def test_no_box_is_left_to_train_on(train, folder: Path, tmp_path: Path, capsys, label: str) -> None:
    add(folder, "a", (80, 64), label)

    assert train(folder) == 1

    assert "none of the 1 training frames has an object of bus, car" in capsys.readouterr().err
    assert last_status(tmp_path) == "FAILURE"


def test_a_class_mapped_to_nothing(train, street: Path, capsys) -> None:
    assert train(street, ('value: "bus"', 'value: ""')) == 1

    assert 'maps "bus" to "": a class without a name' in capsys.readouterr().err


def test_an_input_that_is_no_multiple_of_the_stride(train, street: Path, capsys) -> None:
    assert train(street, ("output_width: 64", "output_width: 100")) == 1

    assert "width must be multiple of 32" in capsys.readouterr().err


def test_a_damaged_record_is_named_with_its_file(train, street: Path, tmp_path: Path, capsys) -> None:
    path = tmp_path / "train-fold-000"
    write_records(path, [b"one", b"two"])
    content = bytearray(path.read_bytes())
    content[-5] ^= 1  # in the last record's data
    path.write_bytes(content)
    old = f'label_directory_path: "{street}/labels"'

    assert train(street, (old, f'tfrecords_path: "{path}"'), dataset='image_extension: "png"') == 1

    error = capsys.readouterr().err
    assert str(path) in error
    assert "record 0" in error or "record 1" in error


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"PK\x03\x04 cut", "is damaged"), (b"", "no checkpoint"), (b"random_seed: 1\n" * 9, "no checkpoint")],
)
def test_a_checkpoint_that_is_none(
    train, street: Path, tmp_path: Path, capsys, content: bytes, words: str
) -> None:
    path = tmp_path / "yolov4_resnet10_epoch_001.pt"
    path.write_bytes(content)

    assert train(street, training=f'resume_model_path: "{path}"') == 1

    error = capsys.readouterr().err
    assert str(path) in error
    assert words in error


# Of a hundred such pictures the first layer makes more than 6 GB.
LARGE = ("output_width: 64 output_height: 64", "output_width: 1024 output_height: 1024")


def confined(arguments: list[str], checkout: Path) -> subprocess.CompletedProcess[str]:
    """The command with 5 GB of memory."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (5 * 2**30, 5 * 2**30))

    command = [sys.executable, "-m", "yolo_v4", *arguments]
    return subprocess.run(
        command, cwd=checkout, preexec_fn=limit, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_too_little_memory_names_the_batch_and_what_to_lower(
    write_spec: Callable[..., Path], tmp_path: Path, checkout: Path
) -> None:
    spec = write_spec()
    text = spec.read_text().replace("batch_size_per_gpu: 4", "batch_size_per_gpu: 100")
    spec.write_text(text.replace(*LARGE))

    done = confined(["train", "-e", str(spec), "-r", str(tmp_path / "results")], checkout)

    assert done.returncode == 1
    assert "memory ran out with batch_size_per_gpu 100" in done.stderr
    assert "lower batch_size_per_gpu" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", ["evaluate", "inference"])
def test_too_little_memory_to_judge_or_use_a_network_names_the_batch_too(
    trained, checkout: Path, tmp_path: Path, command: str
) -> None:
    trained.add_picture("0.png")
    for number in range(1, 100):
        (tmp_path / "images" / f"{number}.png").symlink_to("0.png")
        (tmp_path / "labels" / f"{number}.txt").symlink_to("0.txt")
    trained.change(*LARGE)
    trained.change("SAMPLE batch_size: 2", "SAMPLE batch_size: 100")
    flags = {"evaluate": [], "inference": ["-i", str(tmp_path / "images"), "-r", str(tmp_path / "out")]}[
        command
    ]
    flags += ["--runtime", "pytorch"]  # the other one looks at each picture by itself
    done = confined([command, "-m", str(trained.model), "-e", str(trained.spec), *flags], checkout)

    assert done.returncode == 1
    assert "memory ran out with batch_size of eval_config 100" in done.stderr
    assert "try: lower batch_size of eval_config" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_run_is_not_resumed_with_other_layers_frozen(train, street: Path, tmp_path: Path, capsys) -> None:
    assert train(street, network="freeze_blocks: 1") == 0
    path = tmp_path / "results" / "weights" / "yolov4_resnet10_epoch_001.pt"

    assert train(street, training=f'num_epochs: 2 resume_model_path: "{path}"') == 1

    assert "was made with another optimizer, freeze_blocks or model_ema" in capsys.readouterr().err


def test_weights_that_are_not_there_are_called_so(
    train, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(folder, "a", (64, 64), "car 0 0 0 2 1 12 4 0 0 0 0 0 0 0")

    assert train(folder, training='pretrain_model_path: "/srv/weights/resnet_10.hdf5"') == 1

    said = capsys.readouterr().err
    assert "pretrain_model_path names /srv/weights/resnet_10.hdf5, and there is no such file" in said


def test_a_backbone_to_resume_from_is_answered_with_the_field_for_it(
    train, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(folder, "a", (64, 64), "car 0 0 0 2 1 12 4 0 0 0 0 0 0 0")

    assert train(folder, training='resume_model_path: "/srv/weights/resnet_10.hdf5"') == 1

    assert "weights to start from belong into pretrain_model_path" in capsys.readouterr().err


def test_dropped_classes_and_short_rows_are_told(
    train, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = "0 0 0 2 1 32 24 0 0 0 0 0 0 0"
    for name in "abcd":
        add(folder, name, (64, 64), f"car {row}\nlorry {row}\n1 0.5 0.5 0.2 0.2\n")

    assert train(folder) == 0

    assert (
        "left out of the train data: objects of classes that target_class_mapping lacks: lorry (4); "
        "4 rows with fewer than 9 columns"
    ) in capsys.readouterr().out
