"""The network that training starts from."""

import math

import torch

from yolo_v4.network.pretrained import load_pretrained
from yolo_v4.network.yolo import BOX_CHANNELS, HEADS, Yolo, build_network
from yolo_v4.spec.experiment import Experiment

OBJECT_PRIOR = 0.01  # first guess of the share of boxes that hold an object


def starting_network(experiment: Experiment) -> tuple[Yolo, list[str]]:
    """A network with the spec's pretrained weights, if any, and the names of the layers that those did not fill.

    Raises:
        SpecError: no such network.
        DataError: pretrained weights that cannot be read or do not fit.
    """
    num_classes = len(experiment.classes)
    torch.manual_seed(experiment.random_seed)
    network = build_network(experiment.network, num_classes=num_classes, channels=experiment.augmentation.channels)
    expect_few_objects(network, num_classes)
    if experiment.training.pretrain_path is None:
        return network, []
    return network, load_pretrained(network, experiment.training.pretrain_path, experiment.classes)


@torch.no_grad()
def expect_few_objects(network: Yolo, num_classes: int) -> None:
    """Let every box begin with an objectness of `OBJECT_PRIOR`.

    TAO begins with one half: then thousands of empty boxes govern the first hundreds of steps.
    """
    for name in HEADS:
        bias = network.get_parameter(f"{name}.bias").view(-1, BOX_CHANNELS + num_classes)
        bias[:, BOX_CHANNELS - 1] = -math.log(1 / OBJECT_PRIOR - 1)
