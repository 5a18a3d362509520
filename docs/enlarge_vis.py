"""Draw what `vis` found on a frame at three times its size, so that no label hides an object.

python docs/enlarge_vis.py FRAME.jpg LABELS.txt OUT.jpg
FRAME is one of WORKSPACE/data/test/images, LABELS is the file of its name that `vis` wrote.
"""

import sys
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from yolo_v4.data.kitti import read_rows
from yolo_v4.deploy.annotate import annotate

TIMES = 3
CLASSES = ("person", "bicycle", "car", "motorbike", "bus", "truck")  # the place of a class is its colour
QUALITY = 90  # of the JPEG


def enlarge(frame: Path, labels: Path) -> Image.Image:
    """The frame with its boxes. `labels` are lines of KITTI with a score at the end, the best one first."""
    with Image.open(frame) as picture:
        size = (picture.width * TIMES, picture.height * TIMES)
        large = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    rows = sorted(read_rows(labels), key=lambda row: -float(row[15]))
    boxes = [tuple(TIMES * float(cell) for cell in row[4:8]) for row in rows]
    texts = [f"{row[0]}: {float(row[15]):.2f}" for row in rows]
    return annotate(large, boxes, texts, [CLASSES.index(row[0]) for row in rows])


if __name__ == "__main__":
    source, found, out = map(Path, sys.argv[1:])
    enlarge(source, found).save(out, quality=QUALITY)
