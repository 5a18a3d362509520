"""The reproducibility harness of the JamCam workflow: nine stages, their markers, and the commands."""

__version__ = "1.0.0"
