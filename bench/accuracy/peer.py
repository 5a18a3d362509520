#!/usr/bin/env python3
"""A detector of Ultralytics from scratch on the frames of this bench, for the same judge.

    PEER/bin/python bench/accuracy/peer.py --work DIR --passes 8 [--seed 42] [--model yolov8s.yaml]
        [--batch 4] [--bf16]
    python bench/accuracy peer --work DIR --name yolov8s-seed42-passes8 [--test]
    python bench/accuracy peer --work DIR --name yolov8s-at448-seed42-passes8 [--test]

The other lines, in our own environment, judge what was found and append a row for each split; the last one
where it looked at frames of 1.27 times the size that it was trained on, as ours does.
PEER is an environment of its own (`pip install ultralytics`); DIR is that of `run`, which unpacked the frames
there. Model, augmentation and optimiser are the peer's own; it gets as many passes over the same frames, no
weights to start from, and its input is as wide as ours: square in training, and where it looks as high as
the frame needs. Of its settings two are fitted to short trainings: the warm-up lasts a tenth of the passes
in place of three, and the mosaic ends with the last eighth in place of the last ten. Left alone, it sums
gradients over 64 frames before it steps, which in eight passes is 220 steps: with --batch it steps after so
many frames, and its name becomes yolov8s-batch4. With --bf16 its convolutions compute in bfloat16 on a CPU,
as ours do where the processor is faster in it.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

CLASSES = ("person", "bicycle", "car", "motorbike", "bus", "truck")
SIZE_PX = 352
LARGER_PX = 448  # a multiple of its stride of 32; ours looks at 448x352 where it was trained at 352x288
NMS_IOU = 0.45  # as in our spec
CONFIDENCE = 0.001


def yolo_of_kitti(kitti: str, size: tuple[int, int]) -> str:
    """Lines `class cx cy w h`, in shares of a picture of `size` (width, height), of a KITTI label."""
    lines = []
    for row in map(str.split, kitti.splitlines()):
        x1, y1, x2, y2 = (float(value) for value in row[4:8])
        shares = ((x1 + x2) / 2 / size[0], (y1 + y2) / 2 / size[1], (x2 - x1) / size[0], (y2 - y1) / size[1])
        lines.append(" ".join([str(CLASSES.index(row[0])), *(f"{share:.6f}" for share in shares)]) + "\n")
    return "".join(lines)


def kitti_of_found(found: Sequence[tuple[int, float, Sequence[float]]]) -> str:
    """KITTI lines with scores of what was found: class, score, corners in pixels."""
    return "".join(
        f"{CLASSES[number]} 0 0 0 {x1:.2f} {y1:.2f} {x2:.2f} {y2:.2f} 0 0 0 0 0 0 0 {score:.6f}\n"
        for number, score, (x1, y1, x2, y2) in found
    )


def write_frames(data: Path, target: Path) -> Path:
    """Links to the pictures, labels in the peer's format, and its description of the data set."""
    from PIL import Image

    for split in ("train", "choice-cameras"):
        for kind in ("images", "labels"):
            (target / split / kind).mkdir(parents=True, exist_ok=True)
        for picture in sorted((data / split / "images").iterdir()):
            link = target / split / "images" / picture.name
            if not link.exists():
                link.symlink_to(picture)
            with Image.open(picture) as image:
                label = (data / split / "labels" / f"{picture.stem}.txt").read_text(encoding="utf-8")
                text = yolo_of_kitti(label, image.size)
            (target / split / "labels" / f"{picture.stem}.txt").write_text(text, encoding="utf-8")
    description = target / "frames.yaml"
    names = "".join(f"  {number}: {name}\n" for number, name in enumerate(CLASSES))
    description.write_text(
        f"path: {target}\ntrain: train/images\nval: choice-cameras/images\nnames:\n{names}", encoding="utf-8"
    )
    return description


def in_bfloat16() -> None:
    """Let the peer's network compute in bfloat16 on a CPU; its loss stays float32."""
    import torch
    from ultralytics.nn.tasks import BaseModel

    plain = BaseModel.predict

    def predict(self: Any, x: Any, *words: Any, **named: Any) -> Any:
        with torch.autocast("cpu", torch.bfloat16):
            return as_float(plain(self, x, *words, **named))

    BaseModel.predict = predict


def as_float(value: Any) -> Any:
    """The same tensors in float32, in lists, tuples and dictionaries too."""
    if isinstance(value, dict):
        return {name: as_float(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(as_float(item) for item in value)
    return value.float() if hasattr(value, "float") else value


def find(model: Any, pictures: Sequence[Path], *, size_px: int) -> Iterator[tuple[Path, str]]:
    """Each picture, and the label text of what the peer finds there, its input being `size_px` wide."""
    for picture in pictures:
        (result,) = model.predict(
            str(picture), imgsz=size_px, conf=CONFIDENCE, iou=NMS_IOU, max_det=200, verbose=False
        )
        boxes = result.boxes
        rows = zip(boxes.cls.tolist(), boxes.conf.tolist(), boxes.xyxy.tolist(), strict=True)
        yield picture, kitti_of_found([(int(number), score, corners) for number, score, corners in rows])


def trained(args: argparse.Namespace, folder: Path, data: Path) -> Any:
    """The peer after all its passes over the frames of `data`; a training that was cut short goes on."""
    from ultralytics import YOLO

    last = folder / "weights" / "last.pt"
    if not (folder / "trained").exists():
        YOLO(str(last) if last.exists() else args.model).train(
            data=str(write_frames(data, folder.parent / "frames")),
            epochs=args.passes,
            imgsz=SIZE_PX,
            pretrained=False,
            seed=args.seed,
            warmup_epochs=args.passes / 10,
            close_mosaic=max(args.passes // 8, 1),
            **({"batch": args.batch, "nbs": args.batch} if args.batch else {}),  # nbs: frames of a step
            val=False,
            plots=False,
            project=str(folder.parent),
            name=folder.name,
            exist_ok=True,
            resume=last.exists(),
        )
        (folder / "trained").touch()
    return YOLO(str(last))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=lambda text: Path(text).absolute(), required=True)
    parser.add_argument("--passes", type=int, required=True)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--model", default="yolov8s.yaml")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--bf16", action="store_true")
    args = parser.parse_args()
    data, peers = args.work / "data", args.work / "peers"
    if not data.is_dir():
        parser.error(f"{data} is not there: `python bench/accuracy run` unpacks the frames")
    os.environ.setdefault("YOLO_CONFIG_DIR", str(peers))
    if args.bf16:
        in_bfloat16()
    stem, run = Path(args.model).stem, f"seed{args.seed}-passes{args.passes}"
    if args.batch:
        stem += f"-batch{args.batch}"
    model = trained(args, peers / f"{stem}-{run}", data)
    for split in sorted(path for path in data.iterdir() if path.name != "train"):
        pictures = sorted((split / "images").iterdir())
        for size_px, name in ((SIZE_PX, stem), (LARGER_PX, f"{stem}-at{LARGER_PX}")):
            found = peers / f"{name}-{run}" / "found" / split.name
            found.mkdir(parents=True, exist_ok=True)
            for picture, text in find(model, pictures, size_px=size_px):
                (found / f"{picture.stem}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
