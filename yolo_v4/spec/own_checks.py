"""The checks that NVIDIA's loader lacks: values it takes and under which nothing good can come out."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from yolo_v4.spec.extension import Refuse

BLOCKS = (0, 1, 2, 3, 4)  # of the backbone: the first convolution, and the stages


def check_own(spec: Any, classes: tuple[str, ...], weights: Mapping[str, float], refuse: Refuse) -> None:
    """Refuse an `Experiment` message that NVIDIA's loader takes and that makes a run worthless.

    `classes`: the target classes; `weights`: of classes, by lower-case name, as far as the spec has some.
    Raises SpecError: a check fails.
    """
    for name, number in _numbers(spec, ""):
        if not math.isfinite(number):
            raise refuse(f"{name} is {number}, expected a finite number", f"correct {name.split()[0]}")
    for holds, found, remedy in _verdicts(spec, classes, weights):
        if not holds:
            raise refuse(found, remedy)


def _verdicts(
    spec: Any, classes: tuple[str, ...], weights: Mapping[str, float]
) -> Iterator[tuple[bool, str, str]]:
    """Whether a check passed, and what is wrong and what to do where not."""
    for name, weight in weights.items():
        found = f'class_weighting_config weighs "{name}", which is no target class'
        remedy = f"use the target classes of target_class_mapping: {', '.join(classes)}"
        yield name in classes, found, remedy
        found = f'class_weighting_config weighs "{name}" with {weight:g}'
        yield weight >= 0, found, "use a number above 0: below it, a loss falls where the network gets worse"
    is_some_class_learned = any(weights.get(name, 1) > 0 for name in classes)
    yield is_some_class_learned, "class_weighting_config weighs every class with 0", "use numbers above 0"
    for block in spec.yolov4_config.freeze_blocks:
        found = f"freeze_blocks names block {block:g}, which the network does not have"
        yield block in BLOCKS, found, "use 0 for the first convolution and 1 to 4 for the stages"
    nms = spec.nms_config
    nothing = "under which nothing would be found"
    yield nms.top_k != 0, f"top_k in nms_config is 0, {nothing}", "set top_k: 200"
    found = f"confidence_threshold in nms_config is {nms.confidence_threshold:g}, {nothing}"
    yield nms.confidence_threshold < 1, found, "use a score below 1, such as 0.001"


def _numbers(value: Any, name: str) -> Iterator[tuple[str, float]]:
    """Each float of a message that is set, with the names of the fields that lead to it."""
    if isinstance(value, float):
        yield name, value
    elif hasattr(value, "ListFields"):
        for field, part in value.ListFields():
            yield from _numbers(part, f"{name}.{field.name}".lstrip("."))
    elif hasattr(value, "items"):
        for key, part in value.items():
            yield from _numbers(part, f'{name} of "{key}"')
    elif not isinstance(value, str | bytes | int):
        for part in value:
            yield from _numbers(part, name)
