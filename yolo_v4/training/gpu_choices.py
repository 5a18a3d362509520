"""How a GPU computes convolutions in training. What else decides it: `--use_amp`, and the layout of memory.

Memory is laid out channels last by `yolo_v4.network.yolo`: on a CPU that halves a step, and tensor cores read
no other layout without a copy.
"""

import torch

from yolo_v4.spec.experiment import Augmentation


def choose_convolutions(spec: Augmentation) -> None:
    """Choose for all convolutions of this process; without effect on a CPU.

    Where every batch has one shape, cuDNN tries its algorithms in the first step and keeps the fastest for
    each convolution. Where shapes are random it would try anew for each of them, so its own rule decides.
    Another run may find another one fastest, so on a GPU the last digits may differ between two runs; they do
    so anyway, since the gradient of the pools is added up in any order.
    TF32 is allowed in convolutions, which is PyTorch's default too: without `--use_amp`, float32 would leave
    tensor cores unused. Matrix products outside of convolutions, such as the mixing of colours, stay float32.
    """
    torch.backends.cudnn.benchmark = spec.shape_period == 0
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cuda.matmul.allow_tf32 = False
