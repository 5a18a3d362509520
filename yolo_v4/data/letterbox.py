"""Pictures at network size without augmentation: the validation letterbox and the inference fit.

Both keep the aspect ratio. Validation centres the picture on its own mean colour and resizes bilinearly; inference
puts it top left on black and resizes with Lanczos. TAO's validation from TFRecords resizes with TensorFlow's old
bilinear kernel (no half-pixel centres); here label folders and TFRecords share the label folders' resize, the usual
one. The two are equal wherever the picture already has its final size.

Legend: N = boxes, 4 = (x1, y1, x2, y2), C = channels, H and W = height and width.
Source: NVIDIA tao_tensorflow1_backend 2ec95cb, cv/common/dataio/augmentation_lib.py and
cv/common/inferencer/inferencer.py.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from yolo_v4.spec.experiment import Augmentation

LUMA = (0.299, 0.587, 0.114)  # weights of r, g, b in grey (ITU-R BT.601)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """Where a picture lies on the network input: network = picture * scale + offset, in pixels."""

    scale_x: float
    scale_y: float
    left_px: int
    top_px: int

    def to_network(self, box_N4: Tensor) -> Tensor:
        """[N, 4] boxes in picture pixels to network pixels."""
        return box_N4 * self._scale(box_N4) + self._offset(box_N4)

    def to_picture(self, box_N4: Tensor) -> Tensor:
        """[N, 4] boxes in network pixels to picture pixels."""
        return (box_N4 - self._offset(box_N4)) / self._scale(box_N4)

    def _scale(self, like: Tensor) -> Tensor:
        return like.new_tensor((self.scale_x, self.scale_y, self.scale_x, self.scale_y))

    def _offset(self, like: Tensor) -> Tensor:
        return like.new_tensor((self.left_px, self.top_px, self.left_px, self.top_px))


def letterbox(picture: Tensor, augmentation: Augmentation) -> tuple[Tensor, Fit]:
    """Validation input of a picture.

    Args:
        picture: [3, H, W] uint8 r, g, b or [1, H, W] float32 grey, from `read_picture`.
        augmentation: network size, channels and mean.

    Returns:
        [C, height, width] float32, mean subtracted, b, g, r or grey; and where the picture lies on it.
    """
    height, width = picture.shape[1:]
    fit_width, fit_height = _fitted(width, height, augmentation)
    left, top = (augmentation.width - fit_width) // 2, (augmentation.height - fit_height) // 2
    pixels = picture.float()
    canvas = pixels.mean(dim=(1, 2), keepdim=True).repeat(1, augmentation.height, augmentation.width)
    canvas[:, top : top + fit_height, left : left + fit_width] = resize(pixels, fit_height, fit_width)
    fit = Fit(scale_x=fit_width / width, scale_y=fit_height / height, left_px=left, top_px=top)
    return normalise(canvas, augmentation), fit


def fit_top_left(picture: Image.Image, augmentation: Augmentation) -> tuple[Tensor, Fit]:
    """Inference input of an opened picture; returns as `letterbox`.

    One scale, that of the width, leads back to the picture on both axes, as in TAO.
    """
    fit_width, fit_height = _fitted(picture.width, picture.height, augmentation)
    mode = "I" if augmentation.depth == 16 else "RGB" if augmentation.channels == 3 else "L"
    canvas = Image.new(mode, (augmentation.width, augmentation.height))
    canvas.paste(picture.resize((fit_width, fit_height), Image.Resampling.LANCZOS).convert(mode), (0, 0))
    pixels = torch.from_numpy(np.array(canvas, dtype=np.float32))
    scale = fit_width / picture.width
    fit = Fit(scale_x=scale, scale_y=scale, left_px=0, top_px=0)
    if mode == "RGB":
        return normalise(pixels.permute(2, 0, 1), augmentation), fit
    return pixels[None] - augmentation.mean[0], fit


def resize(pixels: Tensor, height: int, width: int) -> Tensor:
    """[C, H, W] to [C, height, width], bilinear with half-pixel centres, same dtype (uint8 or float32)."""
    if pixels.shape[1:] == (height, width):
        return pixels
    return F.interpolate(pixels[None], (height, width), mode="bilinear", align_corners=False)[0]


def normalise(pixels: Tensor, augmentation: Augmentation) -> Tensor:
    """Network input [C, H, W] of float pixels r, g, b or grey: in the spec's channels, less the mean, not scaled."""
    if pixels.shape[0] == 3 and augmentation.channels == 3:
        pixels = pixels.flip(0)
    elif pixels.shape[0] == 3:
        pixels = torch.tensordot(pixels.new_tensor(LUMA), pixels, dims=1)[None]
    return pixels - pixels.new_tensor(augmentation.mean)[:, None, None]


def _fitted(width: int, height: int, augmentation: Augmentation) -> tuple[int, int]:
    ratio = min(augmentation.height / height, augmentation.width / width)
    return round(ratio * width), round(ratio * height)
