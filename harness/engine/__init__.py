"""The seam to `yolo_v4`: which program is run, how it is asked, and how its answers are read."""
