"""Boxes around what can be seen of each actor, as an annotator would draw them."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from harness.sample.geometry import HEIGHT_PX, OVERSAMPLING, WIDTH_PX
from harness.sample.scene import Scene
from harness.sample.traffic import Actor

LEAST_SHARE = 0.25
LEAST_PX = 4.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """A labelled box in pixels of the frame."""

    label: int
    left: float
    top: float
    right: float
    bottom: float

    def line(self) -> str:
        """`class cx cy w h`, normalised, as in a YOLO label file."""
        centre_x, centre_y = (self.left + self.right) / 2 / WIDTH_PX, (self.top + self.bottom) / 2 / HEIGHT_PX
        width, height = (self.right - self.left) / WIDTH_PX, (self.bottom - self.top) / HEIGHT_PX
        return f"{self.label} {centre_x:.6f} {centre_y:.6f} {width:.6f} {height:.6f}\n"


def visible_boxes(scene: Scene, actors: Sequence[Actor], covered: Image.Image) -> list[Box]:
    """One box around the visible part of each actor that shows a quarter of itself and is not tiny.

    Args:
        covered: mask of the overlays, at drawing size; what is under them is not seen.
    """
    ids = scene.ids.copy()
    ids.paste(0, mask=covered)
    found = []
    for number, (actor, trace) in enumerate(zip(actors, scene.traces, strict=True), start=1):
        if trace is None:
            continue
        seen = ids.crop(trace.bounds).point([255 * (value == number) for value in range(256)])
        bounds = seen.getbbox()
        if bounds is None or seen.histogram()[255] < LEAST_SHARE * trace.whole_px:
            continue
        left, top, right, bottom = ((edge + trace.bounds[k % 2]) / OVERSAMPLING for k, edge in enumerate(bounds))
        if min(right - left, bottom - top) >= LEAST_PX:
            found.append(Box(label=actor.label, left=left, top=top, right=right, bottom=bottom))
    return found
