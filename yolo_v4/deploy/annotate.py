"""Draw detections onto a picture."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

# Okabe and Ito's colours, which people with colour-blindness can tell apart; without black, which cannot be
# seen on a dark street.
PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
DARK_INK = "#000000"
LIGHT_INK = "#FFFFFF"
DARK_COLOURS = {"#009E73", "#0072B2", "#D55E00"}  # with light text
MIN_TEXT_PX = 10
TEXT_SHARE = 0.03  # of the picture's height
PAD_PX = 1
PAD_COST = 10  # of hiding a pixel of another label; that of a box costs 1

Box = tuple[float, float, float, float]
Corners = npt.NDArray[np.float64]
Costs = npt.NDArray[np.int64]


def annotate(
    picture: Image.Image, boxes: Sequence[Box], labels: Sequence[str], classes: Sequence[int]
) -> Image.Image:
    """A copy of a picture with outlined boxes, each with a label where it hides least.

    Boxes are x1, y1, x2, y2 in pixels of the picture, best first; the class ids determine the colours.
    """
    canvas = picture.convert("RGB")
    draw = ImageDraw.Draw(canvas)
    text_px = max(MIN_TEXT_PX, round(TEXT_SHARE * canvas.height))
    font = ImageFont.load_default(text_px)
    line_px = max(1, text_px // 8)
    colours = [PALETTE[class_id % len(PALETTE)] for class_id in classes]
    for box, colour in reversed(list(zip(boxes, colours, strict=True))):
        # A dark line around it keeps a box visible on a background of its colour.
        border = (box[0] - line_px, box[1] - line_px, box[2] + line_px, box[3] + line_px)
        draw.rectangle(border, outline=DARK_INK, width=1)
        draw.rectangle(box, outline=colour, width=line_px)
    taken = np.empty((2 * len(boxes), 4))  # the boxes, and then the labels so far
    taken[: len(boxes)] = np.reshape(boxes, (-1, 4))
    costs = np.repeat((1, PAD_COST), len(boxes))
    for count, (box, label, colour) in enumerate(zip(boxes, labels, colours, strict=True), len(boxes)):
        width, height = draw.textbbox((0, 0), label, font=font, anchor="lt")[2:]
        size = (width + 2 * PAD_PX, height + 2 * PAD_PX)
        pad = _best_place(box, size, canvas.size, taken[:count], costs[:count])
        taken[count] = pad
        draw.rectangle(pad, fill=colour)
        ink = LIGHT_INK if colour in DARK_COLOURS else DARK_INK
        draw.text((pad[0] + PAD_PX, pad[1] + PAD_PX), label, fill=ink, font=font, anchor="lt")
    return canvas


def _best_place(
    box: Box, size: tuple[float, float], picture: tuple[int, int], taken: Corners, costs: Costs
) -> Box:
    """The place at a corner of `box` and within the picture where a label of this size hides least.

    `size` and `picture` are (width, height). `taken` [K, 4] has the places of boxes and labels, `costs` [K]
    what hiding a pixel of each costs. In arrays, since every label is compared with every box: number by
    number the 200 boxes of a crowd took 0.3 s.
    """
    x1, y1, x2, y2 = box
    width, height = size
    most_x = picture[0] - 1 - width
    most_y = picture[1] - 1 - height
    places = []
    for y in (y1 - height, y2, y1):  # above the box, below it, inside at its top
        for x in (x1, x2 - width):
            left = min(max(x, 0.0), most_x)
            top = min(max(y, 0.0), most_y)
            places.append((left, top, left + width, top + height))
    lefts, tops, rights, bottoms = np.array(places).T
    widths = np.minimum(taken[:, 2:3], rights) - np.maximum(taken[:, 0:1], lefts)  # [K, places]
    heights = np.minimum(taken[:, 3:4], bottoms) - np.maximum(taken[:, 1:2], tops)
    hidden = (costs[:, None] * (widths.clip(0) * heights.clip(0))).sum(axis=0)
    return places[int(hidden.argmin())]
