"""TensorFlow's padding, for models that were trained with a Keras that NVIDIA has not patched.

NVIDIA's images patch Keras, so that "same" pads evenly and with zeros (docker/Dockerfile, third_party/keras
of tao_tensorflow1_backend 2ec95cb). Its source run with Keras as published pads as TensorFlow does: for a
convolution of stride 2 mostly at the right and the bottom, and for pools with what is never their maximum.
The file of a model does not tell which of the two it was trained with.
"""

import math

import torch.nn.functional as F
from torch import Tensor, nn

from yolo_v4.network.yolo import Yolo


def pad_as_tensorflow(network: Yolo) -> Yolo:
    """Change a network to pad as TensorFlow does; returns it."""
    network.neck.pool_fill = -math.inf
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.stride == (2, 2):
            layer.padding = (0, 0)
            layer.register_forward_pre_hook(_pad)
    return network


def _pad(layer: nn.Module, inputs: tuple[Tensor]) -> Tensor:
    """The input [B, C, H, W] of a convolution of stride 2, padded to ceil(H / 2) and ceil(W / 2) places."""
    (x,) = inputs
    assert isinstance(layer, nn.Conv2d)
    kernel = layer.kernel_size[0]
    total = [
        max((math.ceil(side / 2) - 1) * 2 + kernel - side, 0) for side in (int(x.shape[3]), int(x.shape[2]))
    ]
    return F.pad(x, [part for sides in total for part in (sides // 2, sides - sides // 2)])
