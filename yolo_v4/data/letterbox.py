"""Pictures at network size without augmentation, placed as in validation or as in inference.

`placed_picture` is the one that accuracy is told for: evaluation, predict, export and calibration use it, and
so does whoever uses the exported model. `fit_top_left` is TAO's for `inference`, and nobody else's.
Both keep the aspect ratio. Validation centres the picture on its own mean colour and resizes it bilinearly;
inference places it at the top left on black and resizes it with Lanczos. For TFRecords, TAO's validation
resizes without half-pixel centres; here it resizes as for label folders. The two differ only where a picture
is not of its final size already.
Legend: N = boxes, 4 = (x1, y1, x2, y2), C = channels, H and W = height and width.
Source: NVIDIA tao_tensorflow1_backend 2ec95cb, cv/common/dataio/augmentation_lib.py,
.../inferencer/inferencer.py.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from yolo_v4.data.picture_file import decoded_picture
from yolo_v4.data.pictures import as_tensor
from yolo_v4.spec.experiment import NetworkInput

LUMA = (0.299, 0.587, 0.114)  # weights of r, g, b in grey (ITU-R BT.601)


class Fit(NamedTuple):
    """Where a picture lies on the network input: network = picture * scale + offset, in pixels.

    Both are [4], for x, y, x, y, or one number for all.
    """

    scale: Tensor
    offset: Tensor

    def to_network(self, box_N4: Tensor) -> Tensor:
        """Convert boxes [N, 4] from picture pixels to network pixels."""
        return box_N4 * self.scale + self.offset

    def to_picture(self, box_N4: Tensor) -> Tensor:
        """Convert boxes [N, 4] from network pixels to picture pixels."""
        return (box_N4 - self.offset) / self.scale


def placed_picture(picture: Path | Image.Image, target: NetworkInput) -> tuple[Tensor, Fit]:
    """Network input [C, height, width] of a picture, placed as in evaluation, and where it lies on it.

    Raises DataError: a file cannot be read.
    """
    decoded = decoded_picture(picture) if isinstance(picture, Path) else picture
    return letterbox(as_tensor(decoded), target)


def letterbox(picture: Tensor, target: NetworkInput) -> tuple[Tensor, Fit]:
    """Validation input [C, height, width] of a picture from `as_tensor`, and where the picture lies on it.

    The input is float32, b, g, r or grey, with the mean subtracted.
    """
    height, width = picture.shape[1:]
    fit_width, fit_height = _fitted(width, height, target)
    left = (target.width - fit_width) // 2
    top = (target.height - fit_height) // 2
    pixels = picture.float()
    canvas = pixels.mean(dim=(1, 2), keepdim=True).repeat(1, target.height, target.width)
    canvas[:, top : top + fit_height, left : left + fit_width] = resize(pixels, fit_height, fit_width)
    scale = torch.tensor((fit_width / width, fit_height / height) * 2)
    return normalise(canvas, target), Fit(scale, torch.tensor((left, top) * 2))


def fit_top_left(picture: Image.Image, target: NetworkInput) -> tuple[Tensor, Fit]:
    """Inference input of an opened picture; as in TAO, the scale of the width counts for both axes."""
    fit_width, fit_height = _fitted(picture.width, picture.height, target)
    mode = "RGB" if target.channels == 3 else "L"
    canvas = Image.new(mode, (target.width, target.height))
    canvas.paste(picture.resize((fit_width, fit_height), Image.Resampling.LANCZOS).convert(mode), (0, 0))
    pixels = torch.from_numpy(np.atleast_3d(np.array(canvas, dtype=np.float32))).permute(2, 0, 1)
    return normalise(pixels, target), Fit(torch.tensor(fit_width / picture.width), torch.tensor(0))


def resize(pixels: Tensor, height: int, width: int) -> Tensor:
    """Resize [C, H, W], uint8 or float32, to [C, height, width], bilinearly with half-pixel centres."""
    if pixels.shape[1:] == (height, width):
        return pixels
    if pixels.is_cuda:
        pixels = pixels.float()  # torch resizes whole numbers on CPUs only
    return F.interpolate(pixels[None], (height, width), mode="bilinear", align_corners=False)[0]


def normalise(pixels: Tensor, target: NetworkInput) -> Tensor:
    """Convert float pixels [C, H, W], r, g, b or grey, to the spec's channels and subtract the mean."""
    if pixels.shape[0] == 3 and target.channels == 3:
        pixels = pixels.flip(0)
    elif pixels.shape[0] == 3:
        pixels = torch.tensordot(pixels.new_tensor(LUMA), pixels, dims=1)[None]
    return pixels - pixels.new_tensor(target.mean)[:, None, None]


def _fitted(width: int, height: int, target: NetworkInput) -> tuple[int, int]:
    ratio = min(target.height / height, target.width / width)
    return max(1, round(ratio * width)), max(1, round(ratio * height))
