"""The block `extension { … }` of an experiment spec: what goes beyond NVIDIA's program, which refuses it.

What each field changes, and what it was worth: docs/decisions/0008-what-makes-the-detector-accurate.md.
"""

from collections.abc import Callable, Iterator
from typing import Any

from yolo_v4.errors import SpecError
from yolo_v4.spec.experiment import COARSEST_PX, Extension, MosaicCrop, scaled_px

Refuse = Callable[[str, str], SpecError]  # found, remedy -> the error for one spec file

INFERENCE_SCALES = (0.25, 4.0)
MOSAIC_SCALES = (0.1, 10.0)  # beyond them a tile shows a few pixels of its frame, or next to none of its own


def read_extension(spec: Any, refuse: Refuse) -> Extension:
    """The extension of an `Experiment` message; one that changes nothing where the spec has no such block.

    Raises SpecError: a value is out of range or would have no effect.
    """
    if not spec.HasField("extension"):
        return Extension()
    config = spec.extension
    for holds, complaint, remedy in _verdicts(config, spec.augmentation_config):
        if not holds:
            raise refuse(complaint, remedy)
    crop = config.mosaic_crop
    extension = Extension(
        mosaic_crop=MosaicCrop(
            min_scale=crop.min_scale, max_scale=crop.max_scale, object_share=crop.object_share
        )
        if config.HasField("mosaic_crop")
        else None,
        mosaic_until=config.mosaic_until or 1.0,
        min_visible=config.min_visible,
        inference_scale=config.inference_scale or 1.0,
    )
    if extension == Extension():
        raise refuse("extension changes nothing", "remove it: NVIDIA's program refuses a spec that has it")
    return extension


def _verdicts(config: Any, augmentation: Any) -> Iterator[tuple[bool, str, str]]:
    """Whether a check passed, and what is wrong and what to do where not."""
    has_mosaic = augmentation.mosaic_prob > 0
    for name in ("mosaic_until", "min_visible"):
        value = getattr(config, name)
        yield 0 <= value < 1, f"{name} is {value:g}", "use a share of 1, above 0 and below 1"
    needs = "min_visible has no effect, since mosaic_prob and jitter are 0: nothing is cropped"
    is_cropped = has_mosaic or augmentation.jitter > 0
    yield is_cropped or not config.min_visible, needs, "set one of them in augmentation_config, or remove it"
    crop = config.mosaic_crop
    for name in ("mosaic_crop", "mosaic_until"):
        is_set = name in {field.name for field, _ in config.ListFields()}
        needs = f"{name} has no effect, since mosaic_prob is 0"
        yield has_mosaic or not is_set, needs, f"set mosaic_prob in augmentation_config, or remove {name}"
    if config.HasField("mosaic_crop"):
        scales = f"mosaic_crop has min_scale {crop.min_scale:g} and max_scale {crop.max_scale:g}"
        smallest, largest = MOSAIC_SCALES
        are_sound = smallest <= crop.min_scale <= crop.max_scale <= largest
        remedy = f"use numbers from {smallest:g} to {largest:g}, the first one not above the second"
        yield are_sound, scales, remedy
        share = crop.object_share
        yield 0 <= share <= 1, f"object_share of mosaic_crop is {share:g}", "use a number from 0 to 1"
    if scale := config.inference_scale:
        told = f"inference_scale is {scale:g}"
        lowest, highest = INFERENCE_SCALES
        yield lowest <= scale <= highest, told, f"use a number from {lowest:g} to {highest:g}, such as 1.25"
        for side_px in (augmentation.output_width, augmentation.output_height):
            is_other = scale == 1 or scaled_px(side_px, scale) != side_px
            least = f"{told}, and a side of {side_px} px cannot be shorter than {COARSEST_PX}"
            yield is_other, least, "use a number above 1, or remove inference_scale"
