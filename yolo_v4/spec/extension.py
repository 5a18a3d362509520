"""The block `extension { … }` of an experiment spec: what goes beyond NVIDIA's program, which refuses it.

What each field changes, and what it was worth: docs/decisions/0008-what-makes-the-detector-accurate.md.
"""

from collections.abc import Callable, Iterator
from typing import Any

from yolo_v4.errors import SpecError
from yolo_v4.spec.experiment import Extension, MosaicCrop

Refuse = Callable[[str, str], SpecError]  # found, remedy -> the error for one spec file

INFERENCE_SCALES = (0.25, 4.0)


def read_extension(spec: Any, refuse: Refuse) -> Extension:
    """The extension of an `Experiment` message; one that changes nothing where the spec has no such block.

    Raises SpecError: a value is out of range or would have no effect.
    """
    if not spec.HasField("extension"):
        return Extension()
    config = spec.extension
    for holds, complaint, remedy in _verdicts(config, has_mosaic=spec.augmentation_config.mosaic_prob > 0):
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


def _verdicts(config: Any, *, has_mosaic: bool) -> Iterator[tuple[bool, str, str]]:
    """Whether a check passed, and what is wrong and what to do where not."""
    for name in ("mosaic_until", "min_visible"):
        value = getattr(config, name)
        yield 0 <= value < 1, f"{name} is {value:g}", "use a share of 1, above 0 and below 1"
    crop = config.mosaic_crop
    for name in ("mosaic_crop", "mosaic_until"):
        is_set = name in {field.name for field, _ in config.ListFields()}
        needs = f"{name} has no effect, since mosaic_prob is 0"
        yield has_mosaic or not is_set, needs, f"set mosaic_prob in augmentation_config, or remove {name}"
    if config.HasField("mosaic_crop"):
        scales = f"mosaic_crop has min_scale {crop.min_scale:g} and max_scale {crop.max_scale:g}"
        is_ordered = 0 < crop.min_scale <= crop.max_scale
        yield is_ordered, scales, "use numbers above 0, the first one not above the second"
        share = crop.object_share
        yield 0 <= share <= 1, f"object_share of mosaic_crop is {share:g}", "use a number from 0 to 1"
    if scale := config.inference_scale:
        told = f"inference_scale is {scale:g}"
        lowest, highest = INFERENCE_SCALES
        yield lowest <= scale <= highest, told, f"use a number from {lowest:g} to {highest:g}, such as 1.25"
