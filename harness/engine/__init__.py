"""The seam to `yolo_v4`: what is asked, which program answers, and what it left as evidence."""
