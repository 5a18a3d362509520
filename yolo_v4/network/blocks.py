"""Layers of convolution, batch normalisation and activation with TAO's names, and the pooling pyramid.

Legend: B = pictures, C = channels, H and W = rows and columns.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

BN_EPSILON = 1e-3
BN_MOMENTUM = 0.01  # as PyTorch defines it: the share of the new batch (0.99 in Keras)
LEAKY_SLOPE = 0.1
POOL_PX = 5


class NamedLayers(nn.Module):
    """Layers with TAO's flat names, so that weights have the names of the layers of NVIDIA's models."""

    def add(
        self, name: str, inputs: int, outputs: int, kernel: int, *, stride: int = 1, bn: str = ""
    ) -> None:
        """Add a convolution without bias and its batch normalisation, named `<name>_bn` unless given."""
        self.add_module(name, nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False))
        self.add_module(bn or f"{name}_bn", nn.BatchNorm2d(outputs, eps=BN_EPSILON, momentum=BN_MOMENTUM))

    def normalised(self, x: Tensor, conv: str, bn: str) -> Tensor:
        """Apply a convolution and its normalisation to x [B, C, H, W]."""
        return self.get_submodule(bn)(self.get_submodule(conv)(x))


class LeakyLayers(NamedLayers):
    """The base of the necks: layers each followed by LeakyReLU 0.1, or ReLU with `force_relu`."""

    def __init__(self, table: Sequence[tuple[str, int, int, int, int]], *, force_relu: bool) -> None:
        """Make the layers of a table of names, input channels, output channels, kernel sizes and strides."""
        super().__init__()
        self.pool_fill = 0.0  # what pools see outside the picture; zeros, as in NVIDIA's images
        self._slope = 0.0 if force_relu else LEAKY_SLOPE
        for name, inputs, outputs, kernel, stride in table:
            self.add(name, inputs, outputs, kernel, stride=stride)

    def chain(self, x: Tensor, *names: str) -> Tensor:
        """Apply the named layers to x [B, C, H, W], one after another."""
        for name in names:
            x = self.normalised(x, name, f"{name}_bn")
            x = F.leaky_relu(x, self._slope, inplace=True) if self._slope else F.relu(x, inplace=True)
        return x


def pooling_pyramid(x: Tensor, fill: float) -> Tensor:
    """The maxima of 5x5, 9x9 and 13x13 places around each place of x [B, C, H, W], then x: [B, 4C, H, W].

    Places outside x count as `fill`. The maxima of 9x9 and 13x13 come from two and three
    pools of 5x5 in a row, which needs 75 comparisons a place instead of 275.
    """
    pools = [x]
    for _ in range(3):
        pools.append(_pooled(pools[-1], fill))
    return torch.cat((*pools[1:], x), dim=1)


def _pooled(x: Tensor, fill: float) -> Tensor:
    reach = POOL_PX // 2
    if not torch.onnx.is_in_onnx_export():
        return F.max_pool2d(F.pad(x, [reach] * 4, value=fill), POOL_PX, stride=1)
    # onnxruntime merges a Pad into the pool behind it, which then sees nothing outside x in place of `fill`.
    # So `fill` is brought in afterwards, at the places whose pool reaches over the edge.
    height, width = int(x.shape[2]), int(x.shape[3])
    edge = np.full((height, width), fill)
    edge[reach : height - reach, reach : width - reach] = -math.inf
    pools = F.max_pool2d(x, POOL_PX, stride=1, padding=reach)
    return torch.maximum(pools, torch.from_numpy(edge).to(x.dtype))


def double_size(x: Tensor) -> Tensor:
    """Double the size of x [B, C, H, W] to [B, C, 2H, 2W], by nearest neighbour."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
