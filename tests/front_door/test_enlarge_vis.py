"""The README's picture: a frame at three times its size, with what was found on it."""

import subprocess
import sys

import numpy as np
from PIL import Image

# Two objects of 40x20 pixels on a grey frame.
LABELS = """\
car 0 0 0 100.0 100.0 140.0 120.0 0 0 0 0 0 0 0 0.9
bus 0 0 0 200.0 50.0 240.0 70.0 0 0 0 0 0 0 0 0.5
"""


def test_boxes_are_where_they_were_and_labels_hide_no_object(checkout, tmp_path):
    frame, labels, out = (tmp_path / name for name in ("frame.png", "frame.txt", "out.png"))
    Image.new("RGB", (352, 288), (100, 100, 100)).save(frame)
    labels.write_text(LABELS)

    subprocess.run(
        [sys.executable, checkout / "docs" / "enlarge_vis.py", frame, labels, out],
        check=True,
        capture_output=True,
    )

    with Image.open(out) as drawn:
        assert drawn.size == (1056, 864)
        pixels = np.asarray(drawn.convert("RGB")).astype(int)
    is_grey = (pixels == 100).all(axis=2)
    for x1, y1, x2, y2 in ((300, 300, 420, 360), (600, 150, 720, 210)):
        inside = is_grey[y1 + 8 : y2 - 8, x1 + 8 : x2 - 8]
        assert inside.all(), "nothing lies on the object"
        assert not is_grey[y1, x1:x2].any(), "its box has a line above it"
