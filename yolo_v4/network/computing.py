"""How a network computes, for programs that measure it: its numerics, and the work for a picture."""

import copy

import torch
from torch.utils.flop_counter import FlopCounterMode

from yolo_v4.network.device import PYTORCH, numerics_class
from yolo_v4.network.yolo import Yolo
from yolo_v4.spec.experiment import Augmentation
from yolo_v4.status import StatusLog

TWO = 2  # pictures: batch normalisation needs more than one value of each channel


def tell_computing(
    log: StatusLog,
    network: Yolo,
    shape: Augmentation,
    *,
    precision: torch.dtype = torch.float32,
    runtime: str = PYTORCH,
    trains: bool = False,
    numbers: str = "",
) -> None:
    """Write a line with `numerics` and `computing` into status.json; `precision` is that of convolutions.

    `numbers` says in words why it is that one, "" where nothing was to be chosen.
    """
    device = next(network.parameters()).device
    varies = trains and shape.shape_period
    work = None if varies else flops(network, shape, trains=trains)
    why = {"numbers": numbers} if numbers else {}
    data = {
        "numerics": numerics_class(device, precision, runtime),
        "computing": {"device": device.type, "flops_per_image": work, **why},
    }
    log.write("RUNNING", "Ready to compute.", data=data)


def flops(network: Yolo, shape: Augmentation, *, trains: bool) -> int:
    """Floating-point operations of the convolutions for one picture of the configured size.

    A multiply-add is 2. Forward only, or, with `trains`, forward and backward: the gradients of weights and
    of inputs, less those that nothing needs (frozen weights, the picture itself).
    Nothing is computed: the operations are counted on PyTorch's `meta` device, which knows shapes alone.
    """
    counted = copy.deepcopy(network).to("meta").train(trains)
    pixels = torch.empty((TWO, shape.channels, shape.height, shape.width), device="meta")
    with FlopCounterMode(display=False) as counter, torch.set_grad_enabled(trains):
        heads = counted(pixels)
        if trains:
            torch.stack([head.sum() for head in heads]).sum().backward()
    return int(counter.get_total_flops()) // TWO
