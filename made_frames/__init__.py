"""Traffic-camera frames with labels, drawn from a seed, packed as JamCam's: `python -m made_frames --help`."""
