"""Networks that NVIDIA's TAO 5 trained: its `.hdf5` checkpoints, matched strictly by layer name.

The file must hold every weight of the network that the spec describes, in its shape, and no other. It tells
its anchors, grid extents and activation, which are compared too. It does not tell the names of its classes:
those are the spec's, in alphabetical order, as TAO numbers them.
Source: NVIDIA tao_tensorflow1_backend 2ec95cb, cv/common/utils.py; Keras 2.2.4, engine/saving.py and
optimizers.py (order of the optimiser's slots).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from yolo_v4.errors import DataError
from yolo_v4.network.keras_file import KerasFile, Stored, flat_name, opened
from yolo_v4.network.resnet import BLOCKS
from yolo_v4.network.yolo import BOX_CHANNELS, HEADS, Yolo, build_network
from yolo_v4.spec.experiment import RELEASES, Experiment

SAME_SPEC = "use the spec file and --network_release that this model was trained with"
AS_PRETRAINED = "give it as pretrain_model_path instead, which takes the weights alone"
SCALES = ("bg", "md", "sm")  # in names of layers, in the order of HEADS
_BLOCK = re.compile(r"block_(?P<stage>\d)(?P<block>[a-z]+)_conv_(?P<place>\d)\.weight")


@dataclass(frozen=True, kw_only=True, slots=True)
class KerasOptimizer:
    """The state of Keras' optimiser, with its arrays in the order of the network's trained parameters."""

    kind: str  # "adam" or "sgd"
    steps: int  # done
    moments: list[list[Tensor]]  # Adam: first, second and, with amsgrad, largest second; SGD: velocity


def load_tao_network(path: Path, experiment: Experiment, *, release: str = "") -> Yolo:
    """The network in a file, of any release unless one is given.

    Raises DataError: the file cannot be read, or is of another network than the spec's; says what differs.
    """
    with opened(path) as file:
        return _network(file, experiment, release)


def load_tao_training(path: Path, experiment: Experiment, *, release: str) -> tuple[Yolo, KerasOptimizer]:
    """The network in a file, and the optimiser's state to go on with.

    Raises DataError: as `load_tao_network`, or the file has no state of the spec's optimiser.
    """
    with opened(path) as file:
        network = _network(file, experiment, release)
        return network, _optimizer(file, network, experiment)


def _network(file: KerasFile, experiment: Experiment, release: str) -> Yolo:
    for problem in _problems_before_building(file, experiment, release):
        raise DataError(f"{file.path} {problem}", remedy=SAME_SPEC)
    network = build_network(
        experiment.network,
        num_classes=len(experiment.classes),
        channels=experiment.augmentation.channels,
        release=_release(file),
    )
    wanted = {
        flat_name(name): tensor
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")  # PyTorch's own counter
    }
    for problem in _differences(file, wanted, experiment):
        raise DataError(f"{file.path} {problem}", remedy=SAME_SPEC)
    for name, tensor in wanted.items():
        tensor.copy_(file.weights[name].read())
    return network


def _problems_before_building(file: KerasFile, experiment: Experiment, release: str) -> Iterator[str]:
    if any(f"{head}.weight" not in file.weights for head in HEADS):
        yield (
            f"has no heads {', '.join(HEADS)}: it is a backbone or another network, "
            "not a trained YOLOv4 with three scales"
        )
    if any(layer["class_name"].startswith("Quantized") for layer in file.layers.values()):
        yield "was trained with enable_qat: true, which is not supported"
    found = _depth(file)
    if found != experiment.network.layers:
        backbone = f"ResNet-{found}" if found else "another backbone than the ResNets that are built here"
        yield f"has {backbone}, the spec says nlayers {experiment.network.layers}"
    if release and release != _release(file):
        yield f"is of the network of release {_release(file)}, --network_release says {release}"


def _differences(file: KerasFile, wanted: dict[str, Tensor], experiment: Experiment) -> Iterator[str]:
    for head, anchors in zip(HEADS, experiment.network.anchors, strict=True):
        classes = file.weights[f"{head}.weight"].shape[0] / len(anchors) - BOX_CHANNELS
        if classes != len(experiment.classes):
            yield f"finds {classes:g} classes, the spec has {len(experiment.classes)}: " + ", ".join(
                experiment.classes
            )
    missing = [name for name in wanted if name not in file.weights]
    unknown = [name for name in file.weights if name not in wanted]
    if missing or unknown:
        yield "is of another network: " + "; ".join(
            f"{what} {len(names)} weights, such as {names[0]}"
            for what, names in (("it lacks", missing), ("the spec's network lacks", unknown))
            if names
        )
    for name, tensor in wanted.items():
        if file.weights[name].shape != tuple(tensor.shape):
            yield (
                f"has {name} of {file.weights[name].shape}, the spec's network of {tuple(tensor.shape)}; a "
                "pruned model has fewer channels, and is not supported"
            )
    yield from _settings_that_differ(file, experiment)


def _settings_that_differ(file: KerasFile, experiment: Experiment) -> Iterator[str]:
    spec, size = experiment.network, (experiment.augmentation.width, experiment.augmentation.height)
    for scale, anchors, extend in zip(SCALES, spec.anchors, spec.grid_xy_extend, strict=True):
        found = file.layers.get(f"{scale}_anchor", {}).get("anchor_size")
        if found is not None and not _same(found, np.array(anchors) / size):
            pixels = [
                [round(float(side) * of, 2) for side, of in zip(pair, size, strict=True)] for pair in found
            ]
            yield f"has the anchors {pixels} where the spec says {[list(pair) for pair in anchors]}"
        found = file.layers.get(f"{scale}_bbox_processor", {}).get("grid_scale_xy")
        if found is not None and not _same(found, 1 + extend):
            yield f"has a grid_xy_extend of {found - 1:.3g} where the spec says {extend:.3g}"
    has_leaky = any(layer["class_name"] == "LeakyReLU" for layer in file.layers.values())
    if file.layers and has_leaky == spec.force_relu:
        yield f"was trained with force_relu: {str(not has_leaky).lower()}, the spec says the contrary"


def _same(found: Any, expected: Any) -> bool:
    found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
    return found.shape == expected.shape and bool(np.allclose(found, expected, rtol=1e-4, atol=0))


def _release(file: KerasFile) -> str:
    """The first layer of the 5.0 neck has a name of its own."""
    return RELEASES[1] if "yolo_neck_1.weight" in file.weights else RELEASES[0]


def _depth(file: KerasFile) -> int | None:
    """The number of layers of the ResNet in a file; None: it is none of those built here."""
    found = [match for match in map(_BLOCK.fullmatch, file.weights) if match]
    stages: dict[str, set[str]] = {}
    for match in found:
        stages.setdefault(match["stage"], set()).add(match["block"])
    counts = tuple(len(stages[stage]) for stage in sorted(stages))
    has_bottlenecks = any(match["place"] == "3" for match in found)
    depths = [depth for depth, blocks in BLOCKS.items() if blocks == counts]
    return next((depth for depth in depths if (depth >= 50) == has_bottlenecks), None)


def _optimizer(file: KerasFile, network: Yolo, experiment: Experiment) -> KerasOptimizer:
    """The optimiser's state; Keras stores its step counter, then all first moments, all second ones, ..."""
    spec = experiment.training.optimizer
    kind = str(file.optimizer["class_name"]).lower()
    if not file.slots or kind != spec.kind:
        found = f"the state of {kind}" if file.slots else "no state of an optimizer"
        raise DataError(
            f"{file.path} has {found}, and the spec says {spec.kind}: it cannot be resumed",
            remedy=f"resume with the optimizer it was trained with, or {AS_PRETRAINED}",
        )
    theirs = [name for name in file.weights if _is_trained(name, file)]
    ours = [flat_name(name) for name, weight in network.named_parameters() if weight.requires_grad]
    shapes = {flat_name(name): tuple(weight.shape) for name, weight in network.named_parameters()}
    count = 1 if kind == "sgd" else 3 if spec.amsgrad else 2
    slots = [Stored(data) for data in file.slots[1 : 1 + count * len(theirs)]]
    fits = sorted(theirs) == sorted(ours) and len(slots) == count * len(theirs)
    if not fits or any(slot.shape != shapes[name] for slot, name in zip(slots, theirs * count, strict=True)):
        raise DataError(
            f"{file.path} has an optimizer's state of other weights than the spec trains: "
            "another freeze_blocks or optimizer",
            remedy=f"resume with the spec it was trained with, or {AS_PRETRAINED}",
        )
    moments = [dict(zip(theirs, slots[first:], strict=False)) for first in range(0, len(slots), len(theirs))]
    return KerasOptimizer(
        kind=kind,
        steps=int(file.slots[0][()]),
        moments=[[moment[name].read() for name in ours] for moment in moments],
    )


def _is_trained(name: str, file: KerasFile) -> bool:
    layer, _, kind = name.partition(".")
    return not kind.startswith("running_") and file.layers.get(layer, {}).get("trainable", True)
