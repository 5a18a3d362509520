"""Labelled traffic-camera frames, drawn from a seed, packed as JamCam's: `python -m made_frames --help`."""
