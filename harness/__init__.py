"""The reproducibility harness of the JamCam workflow: nine stages, their markers, and the commands people type."""

__version__ = "0.1.0"
