"""A portable PyTorch replacement of NVIDIA TAO's `yolo_v4` command.

It has the same sub-commands, flags, spec files and output files.
"""

# Of what it computes, not of the release: part of every fingerprint and record, and raised only when what it
# makes is no longer the same work. Smaller changes raise the revisions of the stages that they touch.
__version__ = "0.1.0"
