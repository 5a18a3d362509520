"""TAO's ResNet: no max-pool, a projection in every block, the last stage at stride 16.

Source: NVIDIA tao_tensorflow1_backend 2ec95cb, core/templates/resnet.py, with use_pooling=False and
all_projections=True.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from yolo_v4.network.blocks import NamedLayers, double_size

# Number of layers -> blocks of each stage.
BLOCKS = {
    10: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
}
STAGE_WIDTHS = (64, 128, 256, 512)
STAGE_STRIDES = (2, 2, 2, 1)
BOTTLENECK_GROWTH = 4  # outputs of a bottleneck's last convolution, divided by its width


class ResNet(NamedLayers):
    """Backbone with the layer names of NVIDIA's pretrained weights."""

    def __init__(
        self, depth: int, *, channels: int, freeze_blocks: tuple[int, ...] = (), freeze_bn: bool = False
    ) -> None:
        """Make the layers.

        Args:
            depth: a number of layers in `BLOCKS`.
            channels: of the input.
            freeze_blocks: stages whose convolutions are not trained, 0 for the first convolution; their batch
                normalisation is trained.
            freeze_bn: batch normalisation uses its moving averages in training too, and does not update them.
        """
        super().__init__()
        self._freeze_bn = freeze_bn
        self._bottleneck = depth >= 50
        self._stages = [
            [f"block_{stage}{chr(ord('a') + block)}" for block in range(count)]
            for stage, count in enumerate(BLOCKS[depth], start=1)
        ]
        self.add("conv1", channels, STAGE_WIDTHS[0], 7, stride=2, bn="bn_conv1")
        inputs = STAGE_WIDTHS[0]
        for names, width, stride in zip(self._stages, STAGE_WIDTHS, STAGE_STRIDES, strict=True):
            outputs = width * BOTTLENECK_GROWTH if self._bottleneck else width
            for place, name in enumerate(names):
                self._add_block(name, inputs, width, outputs, stride=stride if place == 0 else 1)
                inputs = outputs
        frozen = tuple("conv1" if block == 0 else f"block_{block}" for block in freeze_blocks)
        for name, layer in self.named_children():
            if isinstance(layer, nn.Conv2d) and name.startswith(frozen):
                layer.weight.requires_grad_(False)

    def _add_block(self, name: str, inputs: int, width: int, outputs: int, *, stride: int) -> None:
        kernels = (1, 3, 1) if self._bottleneck else (3, 3)
        widths = (inputs, width, width, outputs) if self._bottleneck else (inputs, width, outputs)
        for place, kernel in enumerate(kernels, start=1):
            self.add(
                f"{name}_conv_{place}",
                widths[place - 1],
                widths[place],
                kernel,
                stride=stride if place == 1 else 1,
                bn=f"{name}_bn_{place}",
            )
        self.add(f"{name}_conv_shortcut", inputs, outputs, 1, stride=stride, bn=f"{name}_bn_shortcut")

    def train(self, mode: bool = True) -> "ResNet":
        super().train(mode)
        if self._freeze_bn:
            for layer in self.children():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.eval()
        return self

    @property
    def out_channels(self) -> tuple[int, int, int]:
        """Channels of the features that `forward` returns."""
        return (256, 512, 2048) if self._bottleneck else (128, 256, 512)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features of a picture at strides 8, 16 and 16: the outputs of stages 2, 3 and 4.

        With 50 layers, as in NVIDIA's network, the features at strides 8 and 16 are the input of the last
        convolution of stages 3, doubled in size, and 4.
        """
        x = F.relu(self.normalised(x, "conv1", "bn_conv1"), inplace=True)
        insides = []
        outputs = []
        for names in self._stages:
            for name in names:
                inside, x = self._block(x, name)
            insides.append(inside)
            outputs.append(x)
        if self._bottleneck:
            return double_size(insides[2]), insides[3], outputs[3]
        return outputs[1], outputs[2], outputs[3]

    def _block(self, x: Tensor, name: str) -> tuple[Tensor, Tensor]:
        """The input of the block's last convolution, and the output of the block."""
        shortcut = self.normalised(x, f"{name}_conv_shortcut", f"{name}_bn_shortcut")
        last = 3 if self._bottleneck else 2
        for place in range(1, last):
            x = F.relu(self.normalised(x, f"{name}_conv_{place}", f"{name}_bn_{place}"), inplace=True)
        last_output = self.normalised(x, f"{name}_conv_{last}", f"{name}_bn_{last}")
        return x, F.relu(last_output.add_(shortcut), inplace=True)
