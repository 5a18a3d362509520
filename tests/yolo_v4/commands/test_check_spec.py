"""`check_spec` says what is wrong with a spec, where, and what was meant; it opens nothing named in it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.yolo_v4.commands.conftest import SPEC
from yolo_v4.cli import main

CONVERSION = """kitti_config {
  root_directory_path: "/nowhere"
  image_dir_name: "images"
  label_dir_name: "labels"
  val_split: 0
}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "mine.txt"
    path.write_text(SPEC)
    return path


def test_a_sound_spec_passes_though_its_data_are_not_there(spec, capsys) -> None:
    assert main(["check_spec", "-e", str(spec), "-k", "key"]) == 0

    assert capsys.readouterr().out == f"{spec}: nothing is wrong with it\nExecution status: PASS\n"


@pytest.mark.parametrize(
    ("old", "new", "line", "message", "remedy"),
    [
        (
            "saturation: 1 ",
            "hueX: 0.1 ",
            17,
            'Message type "AugmentationConfig" has no field named "hueX"',
            'did you mean "hue"?',
        ),
        (
            "random_seed: 1",
            "num_epochs: 5",
            2,
            'Message type "Experiment" has no field named "num_epochs"',
            "move line 2 of {spec} into training_config {{ ... }}",
        ),
        ("nlayers: 10", 'nlayers: "ten"', 5, "'  box_matching_iou: 0.25 ", "correct line 5"),
        (
            "top_k: 50 }",
            "top_k: 50",
            16,
            'Message type "NMSConfig" has no field named "augmentation_config"',
            "close the block before line 16",
        ),
        ("output_width: 64", "output_width: 65", 17, "width must be multiple of 32", "correct it in {spec}"),
        ("beta1: 0.9 ", "beta1: 1.9 ", 12, "beta1 must be within (0, 1).", "correct training_config"),
        (
            "random_seed: 1",
            "extension { min_visible: 2 }",
            2,
            "min_visible is 2",
            "use a share of 1, above 0 and below 1",
        ),
        (
            "random_seed: 1",
            "extension { visible: 0.1 }",
            2,
            'Message type "Extension" has no field named "visible"',
            'did you mean "min_visible"?',
        ),
        (
            "arch_conv_blocks: 0",
            "arch_conv_blocks: 3",
            5,
            "arch_conv_blocks is 3; it can be 0, 1 or 2",
            "set it to 2",
        ),
        ("nlayers: 10", "nlayers: 11", 5, 'yolov4_config asks for arch "resnet" with nlayers 11', "use arch"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(spec, capsys, old, new, line, message, remedy) -> None:
    assert old in SPEC
    spec.write_text(SPEC.replace(old, new))

    assert main(["check_spec", "-e", str(spec)]) == 1

    first, second, *_ = capsys.readouterr().err.splitlines()
    assert first.startswith(f"error: {spec}:{line}: {message}")
    assert second.startswith(f"  try: {remedy.format(spec=spec)}")


def test_what_goes_beyond_nvidias_program_is_told(spec, capsys) -> None:
    spec.write_text(
        SPEC + "augmentation_config { jitter: 0.2 }\nextension { inference_scale: 2 min_visible: 0.2 }\n"
    )

    assert main(["check_spec", "-e", str(spec)]) == 0

    assert capsys.readouterr().out == (
        f"{spec}: nothing is wrong with it\n"
        f"{spec}: extension (min_visible, inference_scale) is ours: "
        "NVIDIA's program would refuse this spec\n"
        "Execution status: PASS\n"
    )


def test_a_conversion_spec_is_checked_with_its_own_flag(tmp_path, capsys) -> None:
    path = tmp_path / "convert.txt"
    path.write_text(CONVERSION)
    assert main(["check_spec", "-d", str(path)]) == 0

    path.write_text(CONVERSION.replace("val_split", "val_splits"))
    assert main(["check_spec", "-d", str(path)]) == 1
    assert f'{path}:5: Message type "KITTIConfig" has no field named "val_splits"' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flag", "name", "line", "blank"),
    [
        ("-e", "yolo_v4_train_resnet18_jamcam.txt", 3, "seed"),
        ("-d", "yolo_v4_tfrecords_jamcam_val.txt", 3, "workspace"),
    ],
)
def test_a_template_of_the_harness_is_told_from_a_spec_and_the_filled_one_is_named(
    checkout, tmp_path, capsys, flag, name, line, blank
) -> None:
    path = tmp_path / "specs" / name
    path.parent.mkdir()
    path.write_text((checkout / "specs" / name).read_text())
    told = f"error: {path}:{line}: nothing has filled in the blank ${blank}\n"

    assert main(["check_spec", flag, str(path)]) == 1
    filled = tmp_path / "specs" / "filled" / name
    assert capsys.readouterr().err == (
        f"{told}  try: put a value there; of jamcam's templates, a training leaves {filled}\n"
    )

    filled.parent.mkdir()
    filled.write_text("")
    assert main(["check_spec", flag, str(path)]) == 1
    assert capsys.readouterr().err == f"{told}  try: take {filled}, which has no blanks\n"


def test_a_spec_that_is_not_there_is_named_without_a_line(tmp_path, capsys) -> None:
    assert main(["check_spec", "-e", str(tmp_path / "none.txt")]) == 1

    assert f"error: {tmp_path}/none.txt: cannot read the spec file" in capsys.readouterr().err


def test_neither_torch_nor_numpy_is_imported(spec, checkout) -> None:
    words = "import sys; from yolo_v4.cli import main; status = main(sys.argv[1:]); "
    words += "sys.exit(status or ' '.join({'torch', 'numpy'} & set(sys.modules)) or 0)"

    ended = subprocess.run([sys.executable, "-c", words, "check_spec", "-e", spec], cwd=checkout, check=False)

    assert ended.returncode == 0
