"""The block `extension`: what goes beyond NVIDIA's program, and how it is refused where it is wrong."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from yolo_v4.errors import SpecError
from yolo_v4.network.checkpoint import Identity
from yolo_v4.spec.experiment import Extension, MosaicCrop
from yolo_v4.spec.load import load_experiment

EVERYTHING = """
extension {
  mosaic_crop { min_scale: 0.5 max_scale: 1.5 object_share: 0.75 }
  mosaic_until: 0.75
  min_visible: 0.25
  inference_scale: 1.5
}
"""

WriteSpec = Callable[..., Path]


@pytest.fixture
def extended(write_spec: WriteSpec) -> Callable[..., Path]:
    """Writes a spec with an extension."""

    def write(extension: str, **added: str) -> Path:
        path = write_spec(**added)
        path.write_text(path.read_text() + extension)
        return path

    return write


def test_every_field_is_read(extended: Callable[..., Path]) -> None:
    experiment = load_experiment(extended(EVERYTHING))

    assert experiment.extension == Extension(
        mosaic_crop=MosaicCrop(min_scale=0.5, max_scale=1.5, object_share=0.75),
        mosaic_until=0.75,
        min_visible=0.25,
        inference_scale=1.5,
    )
    names = ("mosaic_crop", "mosaic_until", "min_visible", "inference_scale")
    assert experiment.extended == names


def test_without_the_block_nothing_is_extended(write_spec: WriteSpec) -> None:
    experiment = load_experiment(write_spec())

    assert experiment.extension == Extension()
    assert experiment.extended == ()


@pytest.mark.parametrize(
    ("extension", "message", "remedy"),
    [
        (
            "extension { }",
            "extension changes nothing (in {spec})",
            "remove it: NVIDIA's program refuses a spec that has it",
        ),
        (
            "extension { min_visible: 1 }",
            "min_visible is 1 (in {spec})",
            "use a share of 1, above 0 and below 1",
        ),
        (
            "extension { min_visible: -0.5 }",
            "min_visible is -0.5 (in {spec})",
            "use a share of 1, above 0 and below 1",
        ),
        (
            "extension { mosaic_until: 1.5 }",
            "mosaic_until is 1.5 (in {spec})",
            "use a share of 1, above 0 and below 1",
        ),
        (
            "extension { mosaic_crop { min_scale: 2 max_scale: 0.5 } }",
            "mosaic_crop has min_scale 2 and max_scale 0.5 (in {spec})",
            "use numbers from 0.1 to 10, the first one not above the second",
        ),
        (
            "extension { mosaic_crop { max_scale: 0.5 } }",
            "mosaic_crop has min_scale 0 and max_scale 0.5 (in {spec})",
            "use numbers from 0.1 to 10, the first one not above the second",
        ),
        (
            "extension { mosaic_crop { min_scale: 1 max_scale: 1e30 } }",
            "mosaic_crop has min_scale 1 and max_scale 1e+30 (in {spec})",
            "use numbers from 0.1 to 10, the first one not above the second",
        ),
        (
            "augmentation_config { mosaic_prob: 0 jitter: 0 }\nextension { min_visible: 0.5 }",
            "min_visible has no effect, since mosaic_prob and jitter are 0: nothing is cropped (in {spec})",
            "set one of them in augmentation_config, or remove it",
        ),
        (
            "augmentation_config { mosaic_prob: 0 }\nextension { mosaic_until: 0.5 }",
            "mosaic_until has no effect, since mosaic_prob is 0 (in {spec})",
            "set mosaic_prob in augmentation_config, or remove mosaic_until",
        ),
        (
            "extension { mosaic_crop { min_scale: 1 max_scale: 2 object_share: 1.5 } }",
            "object_share of mosaic_crop is 1.5 (in {spec})",
            "use a number from 0 to 1",
        ),
        (
            "extension { inference_scale: -1 }",
            "inference_scale is -1 (in {spec})",
            "use a number from 0.25 to 4, such as 1.25",
        ),
        (
            "extension { inference_scale: inf }",
            "extension.inference_scale is inf, expected a finite number (in {spec})",
            "correct extension.inference_scale",
        ),
        (
            "extension { inference_scale: 4.5 }",
            "inference_scale is 4.5 (in {spec})",
            "use a number from 0.25 to 4, such as 1.25",
        ),
        (
            "augmentation_config { output_width: 32 }\nextension { inference_scale: 0.5 }",
            "inference_scale is 0.5, and a side of 32 px cannot be shorter than 32 (in {spec})",
            "use a number above 1, or remove inference_scale",
        ),
        (
            "extension { inference_scale: -0.0 }",
            "extension changes nothing (in {spec})",
            "remove it: NVIDIA's program refuses a spec that has it",
        ),
        (
            "extension { inference_scale: 1 }",
            "extension changes nothing (in {spec})",
            "remove it: NVIDIA's program refuses a spec that has it",
        ),
    ],
)
def test_what_is_out_of_range_or_without_effect_is_refused(
    extended: Callable[..., Path], extension: str, message: str, remedy: str
) -> None:
    path = extended(extension)

    with pytest.raises(SpecError) as caught:
        load_experiment(path)

    assert (caught.value.message, caught.value.remedy) == (message.format(spec=path), remedy)


def test_an_unknown_field_is_refused_and_the_nearest_is_offered(extended: Callable[..., Path]) -> None:
    path = extended("extension { mosaic_till: 0.5 }")
    line = path.read_text().count("\n") + 1

    with pytest.raises(SpecError) as caught:
        load_experiment(path)

    assert caught.value.message == (
        f'{line}:13 : Message type "Extension" has no field named "mosaic_till" (in {path})'
    )
    assert caught.value.remedy == f'did you mean "mosaic_until"? correct line {line} of {path}'


def test_no_extension_makes_another_network(extended: Callable[..., Path]) -> None:
    usual = Identity.of(load_experiment(extended("")))

    assert Identity.of(load_experiment(extended(EVERYTHING))) == usual


@pytest.mark.parametrize(
    ("scale", "trained", "expected"),
    [
        (1.25, (352, 288), (448, 352)),  # 440 and 360
        (1.25, (320, 192), (416, 256)),  # 400 lies in the middle of 384 and 416
        (1.25, (96, 64), (128, 96)),  # 80 does as well
        (1.01, (352, 288), (384, 320)),  # no side stays: frames grow with the shorter one
        (0.75, (352, 64), (256, 32)),  # 264, and 48 in the middle of 32 and 64
        (0.25, (96, 64), (32, 32)),
    ],
)
def test_inference_is_given_the_nearest_multiple_of_32_that_is_another_one(
    extended: Callable[..., Path], scale: float, trained: tuple[int, int], expected: tuple[int, int]
) -> None:
    width, height = trained
    size = f"augmentation_config {{ output_width: {width} output_height: {height} }}\n"

    looked = load_experiment(extended(f"{size}extension {{ inference_scale: {scale} }}")).for_inference()

    assert (looked.augmentation.width, looked.augmentation.height) == expected


def test_inference_scale_changes_the_network_input_of_inference_alone(extended: Callable[..., Path]) -> None:
    usual = load_experiment(extended(""))
    trained = load_experiment(extended("extension { inference_scale: 2 }"))

    looked = trained.for_inference()

    assert replace(trained, extension=usual.extension) == usual
    assert replace(looked, augmentation=usual.augmentation) == usual
    assert looked.for_inference() == looked
    assert usual.for_inference() == usual
