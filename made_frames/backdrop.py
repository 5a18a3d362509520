"""The empty street of a site: sky, houses, road and markings, drawn once by even daylight."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from made_frames.geometry import DRAWN_PX, FRAME_PX, HEIGHT_PX, OVERSAMPLING
from made_frames.palette import Colour
from made_frames.site import FAR_M, LANE_M, PAVEMENT_M, House, Site
from made_frames.solids import Point, Span

Floats = npt.NDArray[np.float32]
WHITE_LINE, YELLOW_LINE = (206, 206, 200), (198, 174, 70)
SKY, GRASS, ROOF = (214, 220, 226), (104, 110, 88), (96, 92, 92)


@dataclass(frozen=True, kw_only=True, slots=True)
class Backdrop:
    """What frames of one site share.

    Args:
        picture: the street by even daylight, at drawing size.
        shaded: the same with the ground in shadow.
        sky, ground: where they show, [H, W, 1] 0..1 at frame size.
        windows: lit windows and shop fronts at night, [H, W, 3] 0..1 at frame size.
        pools: street light on the ground and walls, [H, W, 1] 0..1 at frame size.
        far: how much air lies before the scene, [H, 1, 1] 0..1, and 0 below the first `far_rows`.
    """

    picture: Image.Image
    shaded: Image.Image
    sky: Floats
    ground: Floats
    windows: Floats
    pools: Floats
    far: Floats
    far_rows: int


class Street:
    """Draws the parts of one site onto a picture, and keeps which part is sky, ground and lit window."""

    def __init__(self, site: Site, rng: Random) -> None:
        self.site = site
        self.rng = rng
        self.picture, self.lit = Image.new("RGB", DRAWN_PX, SKY), Image.new("RGB", DRAWN_PX)
        self.sky, self.ground = Image.new("L", DRAWN_PX, 255), Image.new("L", DRAWN_PX, 255)
        self.pen, self.lit_pen, self.sky_pen, self.ground_pen = (
            ImageDraw.Draw(picture) for picture in (self.picture, self.lit, self.sky, self.ground)
        )

    def patch(self, corners: Sequence[Point], colour: Colour, light: Colour | None = None) -> None:
        """Fill a flat polygon of the world; `light` is what a wall gives off at night, None on the ground."""
        outline = self.site.camera.outline(np.array(corners))
        if outline:
            self.pen.polygon(outline, fill=colour)
            if light is not None:
                self.lit_pen.polygon(outline, fill=light)
                self.sky_pen.polygon(outline, fill=0)
                self.ground_pen.polygon(outline, fill=0)

    def strip(
        self, left: float, right: float, colour: Colour, start: float = -2.0, end: float = FAR_M
    ) -> None:
        """Fill a strip along the road between two offsets from its axis."""
        pieces = max(1, int((end - start) / 6)) if self.site.bend else 1
        along = [start + (end - start) * k / pieces for k in range(pieces + 1)]
        bent = [(self.site.bend * y * y, y) for y in along]
        there = [(left + x, y, 0) for x, y in bent]
        back = [(right + x, y, 0) for x, y in reversed(bent)]
        self.patch(there + back, colour)

    def across(self, half: float, colour: Colour) -> None:
        """Fill the crossing road, where there is one, to `half` metres from its axis."""
        if self.site.crossing_m is not None:
            near, far = self.site.crossing_m - half, self.site.crossing_m + half
            self.patch([(-90, near, 0), (90, near, 0), (90, far, 0), (-90, far, 0)], colour)

    def lay_ground(self) -> None:
        """Tarmac, pavements and kerbs."""
        half = self.site.half_m
        tar = self.rng.randint(88, 116)
        tarmac = (tar, tar, tar + 2)
        kerb = (tar + 66, tar + 64, tar + 58)
        paving = (tar + 42, tar + 38, tar + 32)
        plain = (0, max(0, int(self.site.camera.horizon_px)), *DRAWN_PX)
        self.pen.rectangle(plain, fill=GRASS)
        self.sky_pen.rectangle(plain, fill=0)
        for beside, colour in ((PAVEMENT_M, paving), (0.22, kerb)):
            self.strip(-half - beside - 5 * (beside > 1), half + beside + 5 * (beside > 1), colour)
            self.across(LANE_M + beside, colour)
        self.strip(-half, half, tarmac)
        for _ in range(9):
            x, y = self.rng.uniform(-half, half - 2), self.rng.uniform(6, 70)
            shade = tar + self.rng.choice((-14, -9, 8))
            right = x + self.rng.uniform(0.8, 3)
            end = y + self.rng.uniform(2, 14)
            self.strip(x, right, (shade, shade, shade + 2), y, end)
        if self.site.bus_lane:
            self.strip(-half + 0.3, -half + LANE_M - 0.2, (tar + 34, tar - 14, tar - 16), 12)
        self.across(LANE_M, tarmac)

    def paint_lines(self) -> None:
        """Centre and lane lines, yellow lines at the kerbs, and those of the junction or a zebra crossing."""
        half = self.site.half_m
        middle = self.site.crossing_m
        near, far = (FAR_M, FAR_M) if middle is None else (middle - LANE_M - 1, middle + LANE_M + 1)
        for y in _steps(12, FAR_M, 6.0):
            for x in _steps(LANE_M - half, half, LANE_M) if not near - 4 < y < far else ():
                self.strip(x - 0.08, x + 0.08, WHITE_LINE, y, y + (2.0 if x else 3.6))
        for x in (0.3 - half, 0.55 - half, half - 0.55, half - 0.3):
            for start, end in ((-2.0, near), (far, FAR_M)):
                self.strip(x - 0.06, x + 0.06, YELLOW_LINE, start, end)
        if middle is None:
            zebra = self.rng.uniform(16, 50)
            for x in _steps(-half, half - 0.5, 1.1):
                self.strip(x, x + 0.55, WHITE_LINE, zebra, zebra + 2.8)
            return
        for y in (near, far - 0.35):
            self.strip(-half, half, WHITE_LINE, y, y + 0.35)
        y0, y1 = middle - LANE_M, middle + LANE_M
        for x in _steps(-half, half, 2.2):
            for low, top in ((x, x + 2 * LANE_M), (x + 2 * LANE_M, x)):
                stroke = [(low - 0.08, y0, 0), (low + 0.08, y0, 0), (top + 0.08, y1, 0), (top - 0.08, y1, 0)]
                self.patch(stroke, YELLOW_LINE)

    def build(self, house: House) -> None:
        """Roof, end wall and front, with windows in rows and a shop at street level."""
        black = (0, 0, 0)
        top = house.height_m
        ground = house.ground.tolist()
        red, green, blue = (int(part * 0.72) for part in house.wall)
        self.patch([(x, y, top) for x, y in ground], ROOF, black)
        (x0, y0), (x1, y1) = ground[0], ground[3]
        self.patch([(x0, y0, 0), (x1, y1, 0), (x1, y1, top), (x0, y0, top)], (red, green, blue), black)
        self.panel(house, (0, 1), (0, top), house.wall)
        self.panel(house, (0, 1), (top - 0.5, top), (red, green, blue))
        self.panel(house, (0.02, 0.98), (2.7, 3.5), house.shop)
        bays = max(1, int((house.end[1] - house.start[1]) / 3.2))
        for bay in range(bays):
            self.window(house, ((bay + 0.1) / bays, (bay + 0.88) / bays), (0.5, 2.6), 0.35)
            for low in _steps(4.3, top - 3, 3.1):
                self.window(house, ((bay + 0.2) / bays, (bay + 0.72) / bays), (low, low + 1.7), 0.16)

    def panel(self, house: House, share: Span, z: Span, colour: Colour, light: Colour = (0, 0, 0)) -> None:
        """Fill a rectangle of a front, between two shares of its length."""
        (x0, y0), (x1, y1) = house.start, house.end
        (xa, ya), (xb, yb) = ((x0 + (x1 - x0) * t, y0 + (y1 - y0) * t) for t in share)
        self.patch([(xa, ya, z[0]), (xb, yb, z[0]), (xb, yb, z[1]), (xa, ya, z[1])], colour, light)

    def window(self, house: House, share: Span, z: Span, lit: float) -> None:
        """A window that is lit at night with a probability."""
        tone = self.rng.randint(46, 92)
        bright = self.rng.uniform(0.35, 1.0) if self.rng.random() < lit else 0.0
        light = (int(250 * bright), int(215 * bright), int(150 * bright))
        self.panel(house, share, z, (tone, tone + 6, tone + 12), light)


def _steps(start: float, end: float, by: float) -> list[float]:
    return [start + k * by for k in range(math.ceil((end - start) / by))]


def make_backdrop(site: Site, seed: int) -> Backdrop:
    """Draw what all frames of a site share."""
    rng = Random(f"{seed}/backdrop/{site.number}")
    street = Street(site, rng)
    street.lay_ground()
    street.paint_lines()
    for house in sorted(site.houses, key=lambda house: -house.start[1]):
        street.build(house)
    picture = _grained(street.picture, street.sky, rng.randrange(2**32))
    rows = np.arange(HEIGHT_PX) - site.camera.horizon_px / OVERSAMPLING
    far = (np.clip(1 - rows / 110, 0, 1) ** 2).astype(np.float32)
    return Backdrop(
        picture=picture,
        shaded=Image.composite(picture.point(lambda value: value * 0.5), picture, street.ground),
        sky=shares(street.sky)[..., None],
        ground=shares(ImageChops.subtract(street.ground, street.sky))[..., None],
        windows=shares(street.lit),
        pools=_pools(site)[..., None],
        far=far[:, None, None],
        far_rows=int(np.count_nonzero(far)),
    )


def shares(picture: Image.Image) -> Floats:
    """A picture of any size as 0..1 at frame size."""
    return np.asarray(picture.resize(FRAME_PX, Image.Resampling.BOX), dtype=np.float32) / np.float32(255)


def _grained(picture: Image.Image, sky: Image.Image, seed: int) -> Image.Image:
    """Grain of tarmac and brick, and stains of two sizes; none in the sky."""
    draw = np.random.default_rng(seed)
    width, height = DRAWN_PX
    grain = draw.standard_normal((height, width), dtype=np.float32) * 5
    for size, strength in ((16, 5), (70, 7)):
        shape = (height // size + 2, width // size + 2)
        coarse = Image.fromarray(draw.standard_normal(shape, dtype=np.float32))
        grain += strength * np.asarray(coarse.resize(DRAWN_PX, Image.Resampling.BICUBIC))
    grain[np.asarray(sky) > 0] = 0
    return Image.fromarray((np.asarray(picture) + grain[..., None]).clip(0, 255).astype(np.uint8))


def _pools(site: Site) -> Floats:
    """Light under the street lamps."""
    picture = Image.new("L", FRAME_PX, 50)
    pen = ImageDraw.Draw(picture)
    turns = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    for x, y in reversed(site.posts):
        for radius, value in ((9, 110), (5.5, 180)):
            ring = np.stack([x * 0.6 + radius * np.cos(turns), y + radius * np.sin(turns), 0 * turns], axis=1)
            outline = site.camera.outline(ring, 1 / OVERSAMPLING)
            if outline:
                pen.polygon(outline, fill=value)
    return shares(picture.filter(ImageFilter.GaussianBlur(9)))
