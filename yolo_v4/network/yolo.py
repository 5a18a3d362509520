"""The whole network: backbone, neck and three heads."""

import torch
from torch import Tensor, nn

from yolo_v4.network.neck import TopDownBottomUpNeck, TopDownNeck
from yolo_v4.network.resnet import ResNet
from yolo_v4.spec.experiment import RELEASES, NetworkSpec
from yolo_v4.spec.training_checks import require_blocks

BOX_CHANNELS = 5  # y, x, h, w and objectness; one channel for each class follows
HEADS = ("conv_big_object", "conv_mid_object", "conv_sm_object")


class Yolo(nn.Module):
    """Backbone, neck and the heads `conv_big_object`, `conv_mid_object`, `conv_sm_object`."""

    def __init__(
        self,
        backbone: ResNet,
        neck: TopDownNeck | TopDownBottomUpNeck,
        head_channels: tuple[int, ...],
        release: str,
    ) -> None:
        super().__init__()
        self.release = release
        self.backbone = backbone
        self.neck = neck
        big, mid, small = neck.out_channels
        self.conv_big_object = nn.Conv2d(big, head_channels[0], 1)
        self.conv_mid_object = nn.Conv2d(mid, head_channels[1], 1)
        self.conv_sm_object = nn.Conv2d(small, head_channels[2], 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The outputs of the heads big, mid and small, at strides 32, 16 and 8.

        x is [B, channels, H, W], H and W multiples of 32, with the mean subtracted. Each output is
        [B, anchors * (5 + classes), H / stride, W / stride]; an anchor's channels are y, x, h, w, objectness,
        classes.
        """
        big, mid, small = self.neck(*self.backbone(x.contiguous(memory_format=torch.channels_last)))
        return self.conv_big_object(big), self.conv_mid_object(mid), self.conv_sm_object(small)


def build_network(spec: NetworkSpec, *, num_classes: int, channels: int, release: str = RELEASES[0]) -> Yolo:
    """A network with fresh weights: Glorot uniform, from torch's global generator.

    `release`: one of `RELEASES`. Raises SpecError: `arch_conv_blocks` is not 0, 1 or 2.
    """
    require_blocks(spec.conv_blocks, release)
    backbone = ResNet(
        spec.layers, channels=channels, freeze_blocks=spec.freeze_blocks, freeze_bn=spec.freeze_bn
    )
    width = 256 if spec.layers >= 50 else 128
    neck: TopDownNeck | TopDownBottomUpNeck
    if release == "5.0":
        neck = TopDownBottomUpNeck(backbone.out_channels, width=width, force_relu=spec.force_relu)
    else:
        neck = TopDownNeck(
            backbone.out_channels, width=width, conv_blocks=spec.conv_blocks, force_relu=spec.force_relu
        )
    head_channels = tuple(len(anchors) * (BOX_CHANNELS + num_classes) for anchors in spec.anchors)
    network = Yolo(backbone, neck, head_channels, release)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    # The layout "channels last" halves the time of a training step on a CPU and suits tensor cores.
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # stubs lack it
