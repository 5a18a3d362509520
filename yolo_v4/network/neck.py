"""The necks between backbone and heads: a pooling pyramid and paths between the scales.

Release 3.21 has a top-down path, release 5.0 a bottom-up path too.

Both necks take the backbone's features at strides 8, 16 and 16 and return those of the three heads, at
strides 32, 16 and 8.
Source: NVIDIA tao_tensorflow1_backend 2ec95cb, cv/yolo_v4/architecture/yolo_arch.py (5.0) and
cv/yolo_v3/architecture/yolo_arch.py (3.21: reconstructed, its parameter count is that of a public 3.21.11
log).
"""

import torch
from torch import Tensor

from yolo_v4.network.blocks import LeakyLayers, double_size, pooling_pyramid

Features = tuple[Tensor, Tensor, Tensor]
Row = tuple[str, int, int, int, int]  # name, input channels, output channels, kernel, stride


class TopDownNeck(LeakyLayers):
    """The neck of release 3.21."""

    def __init__(
        self, inputs: tuple[int, int, int], *, width: int, conv_blocks: int, force_relu: bool
    ) -> None:
        """Make the layers.

        Args:
            inputs: channels of the backbone's features at strides 8, 16 and 16.
            width: channels at stride 16; stride 8 has half, stride 32 twice as many.
            conv_blocks: pairs of convolutions of each scale, 0 to 2.
            force_relu: ReLU instead of LeakyReLU.
        """
        stride_8, stride_16, deep = inputs
        half = width // 2
        double = 2 * width
        expanded = 4 * width
        super().__init__(
            [
                ("yolo_spp_conv", 4 * deep, 512, 1, 1),
                ("yolo_expand_conv1", 512, expanded, 3, 2),
                *_scale("yolo_conv1", expanded, double, conv_blocks),
                ("yolo_conv2", double, width, 1, 1),
                *_scale("yolo_conv3", width + stride_16, width, conv_blocks),
                ("yolo_conv4", width, half, 1, 1),
                *_scale("yolo_conv5", half + stride_8, half, conv_blocks),
            ],
            force_relu=force_relu,
        )
        self.out_channels = (expanded, double, width)
        self._places = range(1, 2 * conv_blocks + 2)

    def forward(self, stride_8: Tensor, stride_16: Tensor, deep: Tensor) -> Features:
        x = self.chain(pooling_pyramid(deep, self.pool_fill), "yolo_spp_conv", "yolo_expand_conv1")
        big = self._body(x, "yolo_conv1")
        x = torch.cat((double_size(self.chain(big, "yolo_conv2")), stride_16), dim=1)
        mid = self._body(x, "yolo_conv3")
        x = torch.cat((double_size(self.chain(mid, "yolo_conv4")), stride_8), dim=1)
        small = self._body(x, "yolo_conv5")
        return (
            self.chain(big, "yolo_conv1_6"),
            self.chain(mid, "yolo_conv3_6"),
            self.chain(small, "yolo_conv5_6"),
        )

    def _body(self, x: Tensor, name: str) -> Tensor:
        return self.chain(x, *(f"{name}_{place}" for place in self._places))


def _scale(name: str, inputs: int, width: int, conv_blocks: int) -> list[Row]:
    """Layers of one scale: 1x1 to `width`, pairs of 3x3 and 1x1, and the 3x3 before the head."""
    rows: list[Row] = [(f"{name}_1", inputs, width, 1, 1)]
    for pair in range(conv_blocks):
        rows += [
            (f"{name}_{2 * pair + 2}", width, 2 * width, 3, 1),
            (f"{name}_{2 * pair + 3}", 2 * width, width, 1, 1),
        ]
    return [*rows, (f"{name}_6", width, 2 * width, 3, 1)]


class TopDownBottomUpNeck(LeakyLayers):
    """The neck of release 5.0."""

    def __init__(self, inputs: tuple[int, int, int], *, width: int, force_relu: bool) -> None:
        """Make the layers; arguments as those of `TopDownNeck`."""
        stride_8, stride_16, deep = inputs
        half = width // 2
        double = 2 * width
        expanded = 4 * width
        super().__init__(
            [
                ("yolo_neck_1", deep, 512, 1, 1),
                ("yolo_neck_2", 512, 1024, 3, 1),
                ("yolo_neck_3", 1024, 512, 1, 1),
                ("yolo_spp_conv", 2048, 512, 1, 1),
                ("yolo_expand_conv1", 512, expanded, 3, 2),
                ("yolo_conv1_2", expanded, expanded, 3, 1),
                ("yolo_conv1_3", expanded, double, 1, 1),
                ("yolo_conv2", double, width, 1, 1),
                ("yolo_x_branch", stride_16, width, 1, 1),
                *_scale("yolo_conv3", double, width, 2),
                ("yolo_conv4", width, half, 1, 1),
                ("yolo_x_branch_2", stride_8, half, 1, 1),
                *_scale("yolo_conv5", width, half, 2),
                ("yolo_sm_branch_conv", half, width, 3, 2),
                ("yolo_conv3_5_1", double, width, 1, 1),
                ("yolo_conv3_4_2", width, double, 3, 1),
                ("yolo_conv3_5_1_1", double, width, 1, 1),
                # The numbers in the following names are not their widths; NVIDIA's network has the same
                # names.
                ("md_leaky_conv512", double, 256, 1, 1),
                ("md_leaky_conv512_down", 256, 512, 3, 2),
                ("yolo_conv1_3_1", width + 512, double, 1, 1),
                ("yolo_conv1_4", double, expanded, 3, 1),
                ("yolo_conv1_5", expanded, double, 1, 1),
                ("yolo_conv1_6", double, expanded, 3, 1),
                ("bg_leaky_conv512", expanded, 512, 1, 1),
                ("bg_leaky_conv1024", 512, 1024, 3, 1),
                ("md_leaky_conv1024", 256, 512, 3, 1),
            ],
            force_relu=force_relu,
        )
        self.out_channels = (1024, 512, width)

    def forward(self, stride_8: Tensor, stride_16: Tensor, deep: Tensor) -> Features:
        x = self.chain(deep, "yolo_neck_1", "yolo_neck_2", "yolo_neck_3")
        x = self.chain(
            pooling_pyramid(x, self.pool_fill),
            "yolo_spp_conv",
            "yolo_expand_conv1",
            "yolo_conv1_2",
            "yolo_conv1_3",
        )
        down_32 = self.chain(x, "yolo_conv2")
        x = torch.cat((double_size(down_32), self.chain(stride_16, "yolo_x_branch")), dim=1)
        down_16 = self.chain(x, *(f"yolo_conv3_{place}" for place in range(1, 6)))
        x = torch.cat(
            (double_size(self.chain(down_16, "yolo_conv4")), self.chain(stride_8, "yolo_x_branch_2")), dim=1
        )
        down_8 = self.chain(x, *(f"yolo_conv5_{place}" for place in range(1, 6)))
        x = torch.cat((down_16, self.chain(down_8, "yolo_sm_branch_conv")), dim=1)
        up_16 = self.chain(
            x, "yolo_conv3_5_1", "yolo_conv3_4_2", "yolo_conv3_5_1_1", "yolo_conv3_6", "md_leaky_conv512"
        )
        x = torch.cat((down_32, self.chain(up_16, "md_leaky_conv512_down")), dim=1)
        up_32 = self.chain(
            x, "yolo_conv1_3_1", "yolo_conv1_4", "yolo_conv1_5", "yolo_conv1_6", "bg_leaky_conv512"
        )
        return (
            self.chain(up_32, "bg_leaky_conv1024"),
            self.chain(up_16, "md_leaky_conv1024"),
            self.chain(down_8, "yolo_conv5_6"),
        )
