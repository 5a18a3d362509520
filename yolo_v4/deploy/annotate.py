"""Draw detections onto a picture."""

from collections.abc import Sequence

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
    """The place at a corner of `box` and within the picture where a label of this size hides least.

    `size` and `picture` are (width, height). `taken` has the places of boxes and labels, and the cost of
    hiding a pixel of each.
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
    return min(places, key=lambda place: sum(cost * _overlap(place, other) for other, cost in taken))


def _overlap(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, width) * max(0.0, height)
