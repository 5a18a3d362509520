"""Detections drawn onto a picture, so that people can read them."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

# Okabe and Ito's colours, which people with colour-blindness can tell apart, without black, which hides on a street.
PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
DARK_INK, LIGHT_INK = "#000000", "#FFFFFF"
DARK_COLOURS = {"#009E73", "#0072B2", "#D55E00"}  # with light text
MIN_TEXT_PX = 10
TEXT_SHARE = 0.03  # of the picture's height
PAD_PX = 1
PAD_COST = 10  # hiding a pixel of another label is worse than one of a box

Box = tuple[float, float, float, float]


def annotate(
    picture: Image.Image, boxes: Sequence[Box], labels: Sequence[str], classes: Sequence[int]
) -> Image.Image:
    """A copy of a picture with outlined boxes, best first, each with a label where it hides least.

    Boxes are x1, y1, x2, y2 in pixels of the picture; class ids choose the colours.
    """
    canvas = picture.convert("RGB")
    draw = ImageDraw.Draw(canvas)
    text_px = max(MIN_TEXT_PX, round(TEXT_SHARE * canvas.height))
    font = ImageFont.load_default(text_px)
    line_px = max(1, text_px // 8)
    colours = [PALETTE[class_id % len(PALETTE)] for class_id in classes]
    for box, colour in reversed(list(zip(boxes, colours, strict=True))):
        # A dark seam on both sides keeps a line visible on a background of its colour.
        seam = (box[0] - line_px, box[1] - line_px, box[2] + line_px, box[3] + line_px)
        draw.rectangle(seam, outline=DARK_INK, width=1)
        draw.rectangle(box, outline=colour, width=line_px)
    taken = [(box, 1) for box in boxes]
    for box, label, colour in zip(boxes, labels, colours, strict=True):
        width, height = draw.textbbox((0, 0), label, font=font, anchor="lt")[2:]
        pad = _best_place(box, (width + 2 * PAD_PX, height + 2 * PAD_PX), canvas.size, taken)
        taken.append((pad, PAD_COST))
        draw.rectangle(pad, fill=colour)
        ink = LIGHT_INK if colour in DARK_COLOURS else DARK_INK
        draw.text((pad[0] + PAD_PX, pad[1] + PAD_PX), label, fill=ink, font=font, anchor="lt")
    return canvas


def _best_place(
    box: Box, size: tuple[float, float], picture: tuple[int, int], taken: Sequence[tuple[Box, int]]
) -> Box:
    """Where a pad goes: at a corner of its box, within the picture, where it hides least; taken places have a cost."""
    (x1, y1, x2, y2), (width, height) = box, size
    corners = [(x, y) for y in (y1 - height, y2, y1) for x in (x1, x2 - width)]
    within = [
        (min(max(x, 0.0), picture[0] - 1 - width), min(max(y, 0.0), picture[1] - 1 - height))
        for x, y in corners
    ]
    places = [(x, y, x + width, y + height) for x, y in within]
    return min(places, key=lambda place: sum(cost * _overlap(place, other) for other, cost in taken))


def _overlap(a: Box, b: Box) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
