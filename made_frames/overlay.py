"""What is written over the picture: roundel, date and time, camera number, name of the place."""

from functools import cache

from PIL import Image, ImageDraw, ImageFont

from made_frames.geometry import FRAME_PX, HEIGHT_PX, WIDTH_PX
from made_frames.moment import Moment
from made_frames.site import Site

TIME_BAR_PX = (0, 0, 104, 13)
CAPTION_PX = (0, HEIGHT_PX - 14, WIDTH_PX, HEIGHT_PX)
ROUNDEL_PX = (265, 0, WIDTH_PX, 34)
BLACK, WHITE, INK = (14, 14, 16), (244, 244, 244), (60, 70, 150)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_font = cache(ImageFont.load_default)


def cover() -> Image.Image:
    """Mask of the opaque overlays at frame size."""
    mask = Image.new("L", FRAME_PX)
    for bounds in (TIME_BAR_PX, CAPTION_PX):
        ImageDraw.Draw(mask).rectangle(bounds, fill=255)
    return mask


def write_over(picture: Image.Image, site: Site, moment: Moment) -> None:
    """Draw all overlays onto a frame."""
    pen, when = ImageDraw.Draw(picture), moment.when
    for bounds in (TIME_BAR_PX, CAPTION_PX):
        pen.rectangle(bounds, fill=BLACK)
    # Not strftime's %a and %b: they follow the locale.
    text = f"{DAYS[when.weekday()]} {when.day:02d} {MONTHS[when.month - 1]} {when:%H:%M}"
    pen.text((3, 0), text, fill=WHITE, font=_font(11))
    pen.text((4, CAPTION_PX[1]), site.place, fill=WHITE, font=_font(11))
    if site.number % 3:
        pen.text((3, 14), site.name[-5:], fill=WHITE, font=_font(22), stroke_width=1, stroke_fill=BLACK)
    _roundel(picture)


def _roundel(picture: Image.Image) -> None:
    """A ring with a bar beside two lines of lettering, in a pale box that lets the picture through."""
    box = picture.crop(ROUNDEL_PX)
    box = Image.blend(box, Image.new("RGB", box.size, (232, 234, 240)), 0.72)
    pen = ImageDraw.Draw(box)
    pen.ellipse((5, 6, 27, 28), outline=INK, width=4)
    pen.rectangle((2, 15, 30, 19), fill=INK)
    pen.text((34, 5), "Traffic", fill=INK, font=_font(11))
    pen.text((34, 17), "cameras", fill=INK, font=_font(11))
    picture.paste(box, ROUNDEL_PX[:2])
