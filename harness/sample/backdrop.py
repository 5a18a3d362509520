"""The empty street of a site: sky, houses, road and markings, drawn once by even daylight."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from harness.sample.geometry import DRAWN_PX, HEIGHT_PX, OVERSAMPLING, WIDTH_PX, Array
from harness.sample.site import FAR_M, LANE_M, PAVEMENT_M, Colour, House, Site

Floats = npt.NDArray[np.float32]
FRAME_PX = (WIDTH_PX, HEIGHT_PX)
WHITE_LINE, YELLOW_LINE, SKY = (206, 206, 200), (198, 174, 70), (214, 220, 226)
HOUSE_DEPTH_M = 12.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Backdrop:
    """What frames of one site share.

    Args:
        picture: the street by even daylight, at drawing size.
        shaded: the same with the ground in shadow.
        sky, ground: where they show, [H, W, 1] 0..1 at frame size.
        windows: lit windows and shop fronts at night, [H, W, 3] 0..1 at frame size.
        pools: street light on the ground and walls, [H, W, 1] 0..1 at frame size.
        far: how much air lies before the scene, [H, 1, 1] 0..1.
    """

    picture: Image.Image
    shaded: Image.Image
    sky: Floats
    ground: Floats
    windows: Floats
    pools: Floats
    far: Floats

    @property
    def far_rows(self) -> int:
        """Rows from the top that show the sky or what lies far off."""
        return int(np.count_nonzero(self.far))


class Street:
    """Draws the parts of one site onto a picture, and keeps which part is sky, ground and lit window."""

    def __init__(self, site: Site, rng: Random) -> None:
        self.site = site
        self.rng = rng
        self.picture = Image.new("RGB", DRAWN_PX, SKY)
        self.sky = Image.new("L", DRAWN_PX, 255)
        self.ground = Image.new("L", DRAWN_PX, 255)
        self.lit = Image.new("RGB", DRAWN_PX)
        self.pen, self.sky_pen, self.ground_pen, self.lit_pen = (
            ImageDraw.Draw(picture) for picture in (self.picture, self.sky, self.ground, self.lit)
        )

    def patch(self, corners: Sequence[Sequence[float]] | Array, colour: Colour, *, wall: bool = False) -> None:
        """Fill a flat polygon of the world."""
        outline = self.site.camera.outline(np.asarray(corners, dtype=float))
        if outline:
            self.pen.polygon(outline, fill=colour)
            if wall:
                self.sky_pen.polygon(outline, fill=0)
                self.ground_pen.polygon(outline, fill=0)

    def strip(self, left: float, right: float, colour: Colour, start: float = -2.0, end: float = FAR_M) -> None:
        """Fill a strip along the road between two offsets from its axis."""
        along = np.linspace(start, end, max(2, int((end - start) / 6) + 1) if self.site.bend else 2)
        shift = self.site.bend * along**2
        edges = [np.stack([side + shift, along, 0 * along], axis=1) for side in (left, right)]
        self.patch(np.concatenate([edges[0], edges[1][::-1]]), colour)

    def across(self, half: float, colour: Colour) -> None:
        """Fill the crossing road, where there is one, to `half` metres from its axis."""
        if self.site.crossing_m is not None:
            near, far = self.site.crossing_m - half, self.site.crossing_m + half
            self.patch([(-90, near, 0), (90, near, 0), (90, far, 0), (-90, far, 0)], colour)

    def lay_ground(self) -> None:
        """Tarmac, pavements and kerbs."""
        half, tar = self.site.half_m, self.rng.randint(88, 116)
        tarmac, kerb, paving = (tar, tar, tar + 2), (tar + 66, tar + 64, tar + 58), (tar + 42, tar + 38, tar + 32)
        plain = (0, max(0, int(self.site.camera.horizon_px())), *DRAWN_PX)
        self.pen.rectangle(plain, fill=(104, 110, 88))
        self.sky_pen.rectangle(plain, fill=0)
        self.strip(-half - PAVEMENT_M - 5, half + PAVEMENT_M + 5, paving)
        self.across(LANE_M + PAVEMENT_M, paving)
        self.strip(-half - 0.22, half + 0.22, kerb)
        self.across(LANE_M + 0.22, kerb)
        self.strip(-half, half, tarmac)
        for _ in range(9):
            x, y = self.rng.uniform(-half, half - 2), self.rng.uniform(6, 70)
            shade = tar + self.rng.choice((-14, -9, 8))
            self.strip(x, x + self.rng.uniform(0.8, 3), (shade, shade, shade + 2), y, y + self.rng.uniform(2, 14))
        if self.site.bus_lane:
            self.strip(-half + 0.3, -half + LANE_M - 0.2, (tar + 34, tar - 14, tar - 16), 12)
        self.across(LANE_M, tarmac)

    def paint_lines(self) -> None:
        """Centre and lane lines, yellow lines at the kerbs, and those of the junction or a zebra crossing."""
        half, middle, each_way = self.site.half_m, self.site.crossing_m, self.site.lanes_each_way
        near, far = (FAR_M, FAR_M) if middle is None else (middle - LANE_M - 1, middle + LANE_M + 1)
        for y in _steps(12, FAR_M, 6.0):
            for line in range(1 - each_way, each_way) if not near - 4 < y < far else ():
                self.strip(line * LANE_M - 0.08, line * LANE_M + 0.08, WHITE_LINE, y, y + (2.0 if line else 3.6))
        for x in (0.3 - half, 0.55 - half, half - 0.55, half - 0.3):
            for start, end in ((-2.0, near), (far, FAR_M)):
                self.strip(x - 0.06, x + 0.06, YELLOW_LINE, start, end)
        if middle is not None:
            for y in (near, far - 0.35):
                self.strip(-half, half, WHITE_LINE, y, y + 0.35)
            for x in _steps(-half, half, 2.2):
                for low, top in ((x, x + 2 * LANE_M), (x + 2 * LANE_M, x)):
                    y0, y1 = middle - LANE_M, middle + LANE_M
                    stroke = [(low - 0.08, y0, 0), (low + 0.08, y0, 0), (top + 0.08, y1, 0), (top - 0.08, y1, 0)]
                    self.patch(stroke, YELLOW_LINE)
        elif self.rng.random() < 0.6:
            zebra = self.rng.uniform(16, 32)
            for x in _steps(-half, half - 0.5, 1.1):
                self.strip(x, x + 0.55, WHITE_LINE, zebra, zebra + 2.8)

    def build(self, house: House) -> None:
        """Roof, end wall and front, with windows in rows and a shop at street level."""
        deep = HOUSE_DEPTH_M if house.x_m > self.site.camera.x_m else -HOUSE_DEPTH_M
        x0, y0, x1, y1, top = house.x_m, house.start_m, house.far_x_m, house.end_m, house.height_m
        red, green, blue = (int(part * 0.72) for part in house.wall)
        dim = (red, green, blue)
        self.patch([(x0, y0, top), (x1, y1, top), (x1 + deep, y1, top), (x0 + deep, y0, top)], (96, 92, 92), wall=True)
        self.patch([(x0, y0, 0), (x0 + deep, y0, 0), (x0 + deep, y0, top), (x0, y0, top)], dim, wall=True)
        self.panel(house, (0, 1), (0, top), house.wall)
        self.panel(house, (0, 1), (top - 0.5, top), dim)
        self.panel(house, (0.02, 0.98), (2.7, 3.5), house.shop)
        bays = max(1, int((y1 - y0) / 3.2))
        for bay in range(bays):
            self.window(house, ((bay + 0.1) / bays, (bay + 0.88) / bays), (0.5, 2.6), 0.35)
            for storey in range(int((top - 4) / 3.1)):
                low = 4.3 + storey * 3.1
                self.window(house, ((bay + 0.2) / bays, (bay + 0.72) / bays), (low, low + 1.7), 0.16)

    def panel(self, house: House, share: tuple[float, float], z: tuple[float, float], colour: Colour) -> Array:
        """Fill a rectangle of a front, between two shares of its length; returns its corners [4, 3]."""
        wide, long = house.far_x_m - house.x_m, house.end_m - house.start_m
        start, end = ((house.x_m + wide * t, house.start_m + long * t) for t in share)
        corners = np.array([(*start, z[0]), (*end, z[0]), (*end, z[1]), (*start, z[1])])
        self.patch(corners, colour, wall=True)
        return corners

    def window(self, house: House, share: tuple[float, float], z: tuple[float, float], lit: float) -> None:
        """A window that is lit at night with a probability."""
        tone = self.rng.randint(46, 92)
        corners = self.panel(house, share, z, (tone, tone + 6, tone + 12))
        bright = self.rng.uniform(0.35, 1.0) if self.rng.random() < lit else 0.0
        outline = self.site.camera.outline(corners)
        if outline:
            self.lit_pen.polygon(outline, fill=(int(250 * bright), int(215 * bright), int(150 * bright)))


def _steps(start: float, end: float, by: float) -> list[float]:
    return [start + k * by for k in range(math.ceil((end - start) / by))]


def make_backdrop(site: Site, seed: int) -> Backdrop:
    """Draw what all frames of a site share."""
    rng = Random(f"{seed}/backdrop/{site.number}")
    street = Street(site, rng)
    street.lay_ground()
    street.paint_lines()
    for house in sorted(site.houses, key=lambda house: -house.start_m):
        street.build(house)
    picture = _grained(street.picture, street.sky, rng.randrange(2**32))
    shaded = Image.composite(picture.point(lambda value: value * 0.5), picture, street.ground)
    rows = np.arange(HEIGHT_PX, dtype=np.float32)[:, None, None]
    return Backdrop(
        picture=picture,
        shaded=shaded,
        sky=shares(street.sky)[..., None],
        ground=shares(ImageChops.subtract(street.ground, street.sky))[..., None],
        windows=shares(street.lit),
        pools=_pools(site)[..., None],
        far=(np.clip(1 - (rows - site.camera.horizon_px() / OVERSAMPLING) / 110, 0, 1) ** 2).astype(np.float32),
    )


def shares(picture: Image.Image) -> Floats:
    """A picture of any size as 0..1 at frame size."""
    return np.asarray(picture.resize(FRAME_PX, Image.Resampling.BOX), dtype=np.float32) / np.float32(255)


def _grained(picture: Image.Image, sky: Image.Image, seed: int) -> Image.Image:
    """Grain of tarmac and brick at two sizes, and stains; none in the sky."""
    draw = np.random.default_rng(seed)
    width, height = DRAWN_PX
    grain = draw.standard_normal((height, width), dtype=np.float32) * 5
    for size, strength in ((16, 5), (70, 7)):
        coarse = Image.fromarray(draw.standard_normal((height // size + 2, width // size + 2), dtype=np.float32))
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
            outline = site.camera.outline(ring)
            if outline:
                pen.polygon([(u / OVERSAMPLING, v / OVERSAMPLING) for u, v in outline], fill=value)
    return shares(picture.filter(ImageFilter.GaussianBlur(9)))
