"""A portable PyTorch drop-in for NVIDIA TAO's `yolo_v4` command: same sub-commands, flags, spec files and products."""

__version__ = "0.1.0"
