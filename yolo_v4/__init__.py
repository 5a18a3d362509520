"""A portable PyTorch replacement of NVIDIA TAO's `yolo_v4` command.

It has the same sub-commands, flags, spec files and output files.
"""

__version__ = "0.1.0"
