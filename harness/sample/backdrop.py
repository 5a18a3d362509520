"""The empty street of a site: sky, houses, road and markings, drawn once by even daylight."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from harness.sample.geometry import DRAWN_PX, HEIGHT_PX, WIDTH_PX, Array
from harness.sample.site import FAR_M, LANE_M, PAVEMENT_M, House, Site

Colour = tuple[int, int, int]
Floats = npt.NDArray[np.float32]
PAINT: Colour = (206, 206, 200)
SKY: Colour = (214, 220, 226)


@dataclass(frozen=True, kw_only=True)
class Backdrop:
    """What frames of one site share.

    Args:
        picture: the street by even daylight, at drawing size.
        shaded: the same in shadow.
        sky: where the sky shows, [H, W] 0..1 at frame size.
        windows: lit windows and shop fronts at night, [H, W, 3] 0..1 at frame size.
        pools: street light on the ground and walls, [H, W] 0..1 at frame size.
        far: how much air lies before the scene, [H, 1] 0..1 by row.
    """

    picture: Image.Image
    shaded: Image.Image
    sky: Floats
    windows: Floats
    pools: Floats
    far: Floats


class Street:
    """Draws the parts of one site onto a picture."""

    def __init__(self, site: Site, rng: Random) -> None:
        self.site = site
        self.rng = rng
        self.picture = Image.new("RGB", DRAWN_PX, SKY)
        self.pen = ImageDraw.Draw(self.picture)
        self.sky = Image.new("L", DRAWN_PX, 255)
        self.sky_pen = ImageDraw.Draw(self.sky)
        self.lit = Image.new("RGB", DRAWN_PX)
        self.lit_pen = ImageDraw.Draw(self.lit)

    def patch(self, corners: Sequence[Sequence[float]] | Array, colour: Colour) -> None:
        """Fill a flat polygon of the world."""
        outline = self.site.camera.outline(np.asarray(corners, dtype=float))
        if outline:
            self.pen.polygon(outline, fill=colour)
            self.sky_pen.polygon(outline, fill=0)

    def strip(self, left: float, right: float, colour: Colour, start: float = 0.0, end: float = FAR_M, z: float = 0.0) -> None:
        """Fill a strip along the road between two offsets from its axis."""
        count = max(2, int((end - start) / 6) + 1) if self.site.bend else 2
        along = np.linspace(start, end, count)
        shift = self.site.bend * along**2
        edges = [np.stack([side + shift, along, np.full(count, z)], axis=1) for side in (left, right)]
        self.patch(np.concatenate([edges[0], edges[1][::-1]]), colour)

    def across(self, near: float, far: float, colour: Colour, start: float = -90.0, end: float = 90.0) -> None:
        """Fill a strip across the road between two y."""
        self.patch([(start, near, 0), (end, near, 0), (end, far, 0), (start, far, 0)], colour)

    def ground(self) -> None:
        """Tarmac, pavements and kerbs, with the crossing road on top."""
        site, half = self.site, self.site.half_m
        tar = self.rng.randint(88, 116)
        tarmac, paving = (tar, tar, tar + 2), (tar + 42, tar + 38, tar + 32)
        horizon = int(max(0, site.camera.horizon_px()))
        self.pen.rectangle((0, horizon, *DRAWN_PX), fill=(104, 110, 88))
        self.sky_pen.rectangle((0, horizon, *DRAWN_PX), fill=0)
        self.strip(-half - PAVEMENT_M - 5, half + PAVEMENT_M + 5, paving, -2)
        if site.crossing_m is not None:
            middle = site.crossing_m
            self.across(middle - LANE_M - 3.6, middle + LANE_M + 3.6, paving)
        self.strip(-half - 0.22, half + 0.22, (tar + 66, tar + 64, tar + 58), -2)
        if site.crossing_m is not None:
            self.across(middle - LANE_M - 0.2, middle + LANE_M + 0.2, (tar + 66, tar + 64, tar + 58))
        self.strip(-half, half, tarmac, -2)
        for _ in range(9):
            x, y = self.rng.uniform(-half, half - 2), self.rng.uniform(6, 70)
            shade = tar + self.rng.choice((-14, -9, 8))
            self.strip(x, x + self.rng.uniform(0.8, 3), (shade, shade, shade + 2), y, y + self.rng.uniform(2, 14))
        if site.bus_lane:
            self.strip(-half + 0.3, -half + LANE_M - 0.2, (tar + 34, tar - 14, tar - 16), 12)
        if site.crossing_m is not None:
            self.across(middle - LANE_M, middle + LANE_M, tarmac)

    def markings(self) -> None:
        """Centre and lane lines, yellow lines at the kerb, and those of a crossing or zebra."""
        site, half = self.site, self.site.half_m
        gap = (1e9, -1e9) if site.crossing_m is None else (site.crossing_m - LANE_M - 1, site.crossing_m + LANE_M + 1)
        for k in range(2, int(FAR_M / 6)):
            y = k * 6.0
            if gap[0] - 2 < y < gap[1]:
                continue
            for line in range(1 - site.lanes_each_way, site.lanes_each_way):
                self.strip(line * LANE_M - 0.08, line * LANE_M + 0.08, PAINT, y, y + (3.6 if line == 0 else 2.0))
        for side in (-1, 1):
            for offset in (0.3, 0.55):
                x = side * (half - offset)
                for start, end in ((0, min(gap[0], FAR_M)), (max(gap[1], 0), FAR_M)):
                    self.strip(x - 0.06, x + 0.06, (196, 172, 70), start, end)
        if site.crossing_m is not None:
            for y in (gap[0], gap[1] - 0.35):
                self.strip(-half, half, PAINT, y, y + 0.35)
            self._hatch(site.crossing_m, half)
        elif self.rng.random() < 0.6:
            zebra = self.rng.uniform(16, 32)
            for k in range(int(2 * half / 1.1)):
                self.strip(-half + k * 1.1, -half + k * 1.1 + 0.55, PAINT, zebra, zebra + 2.8)

    def _hatch(self, middle: float, half: float) -> None:
        """The yellow lattice of a box junction."""
        for k in range(-6, 7):
            for lean in (-1, 1):
                x = k * 2.2
                ends = [(x - lean * LANE_M, middle - LANE_M), (x + lean * LANE_M, middle + LANE_M)]
                if all(abs(end[0]) <= half + 0.5 for end in ends):
                    (x0, y0), (x1, y1) = ends
                    self.patch([(x0 - 0.08, y0, 0), (x0 + 0.08, y0, 0), (x1 + 0.08, y1, 0), (x1 - 0.08, y1, 0)], (200, 178, 70))

    def house(self, house: House) -> None:
        """Front, end wall and roof, with windows in rows and a shop at street level."""
        bend = self.site.bend
        x0, x1 = house.face_m + bend * house.start_m**2, house.face_m + bend * house.end_m**2
        deep = 12.0 if house.face_m > 0 else -12.0
        y0, y1, top = house.start_m, house.end_m, house.height_m
        dim = tuple(int(part * 0.72) for part in house.wall)
        self.patch([(x0, y0, top), (x1, y1, top), (x1 + deep, y1, top), (x0 + deep, y0, top)], (96, 92, 92))
        self.patch([(x0, y0, 0), (x0 + deep, y0, 0), (x0 + deep, y0, top), (x0, y0, top)], dim)  # type: ignore[arg-type]
        self._facade(house, x0, x1, 0, 1, 0, top, house.wall)
        self._facade(house, x0, x1, 0, 1, top - 0.5, top, dim)  # type: ignore[arg-type]
        self._facade(house, x0, x1, 0.02, 0.98, 2.7, 3.5, house.shop)
        bays, storeys = max(1, int((y1 - y0) / 3.2)), int((top - 4) / 3.1)
        for bay in range(bays):
            start, end = (bay + 0.2) / bays, (bay + 0.72) / bays
            self._window(house, x0, x1, start - 0.1 / bays, end + 0.16 / bays, 0.5, 2.6, 0.35)
            for storey in range(storeys):
                self._window(house, x0, x1, start, end, 4.3 + storey * 3.1, 6.0 + storey * 3.1, 0.16)

    def _facade(self, house: House, x0: float, x1: float, start: float, end: float, low: float, high: float, colour: Colour) -> list[tuple[float, float]]:
        ends = [(x0 + (x1 - x0) * t, house.start_m + (house.end_m - house.start_m) * t) for t in (start, end)]
        (xa, ya), (xb, yb) = ends
        corners = [(xa, ya, low), (xb, yb, low), (xb, yb, high), (xa, ya, high)]
        self.patch(corners, colour)
        return self.site.camera.outline(np.array(corners))

    def _window(self, house: House, x0: float, x1: float, start: float, end: float, low: float, high: float, lit: float) -> None:
        tone = self.rng.randint(46, 92)
        outline = self._facade(house, x0, x1, start, end, low, high, (tone, tone + 6, tone + 12))
        if outline and self.rng.random() < lit:
            bright = self.rng.uniform(0.35, 1.0)
            self.lit_pen.polygon(outline, fill=(int(250 * bright), int(215 * bright), int(150 * bright)))


def make_backdrop(site: Site, seed: int) -> Backdrop:
    """Draw what all frames of a site share."""
    rng = Random(f"{seed}/backdrop/{site.number}")
    street = Street(site, rng)
    street.ground()
    street.markings()
    for house in sorted(site.houses, key=lambda house: -house.start_m):
        street.house(house)
    frame = (WIDTH_PX, HEIGHT_PX)
    picture = _grained(street.picture, np.asarray(street.sky), rng.randrange(2**32))
    rows = np.arange(HEIGHT_PX, dtype=np.float32)[:, None]
    horizon = site.camera.horizon_px() * HEIGHT_PX / DRAWN_PX[1]
    return Backdrop(
        picture=picture,
        shaded=picture.point(lambda value: value * 0.5),
        sky=np.asarray(street.sky.resize(frame, Image.Resampling.BOX), dtype=np.float32) / 255,
        windows=np.asarray(street.lit.resize(frame, Image.Resampling.BOX), dtype=np.float32) / 255,
        pools=_pools(site),
        far=np.clip(1 - (rows - horizon) / 110, 0, 1) ** 2,
    )


def _grained(picture: Image.Image, sky: npt.NDArray[np.uint8], seed: int) -> Image.Image:
    """Grain of tarmac and brick at two sizes, none in the sky."""
    draw = np.random.default_rng(seed)
    width, height = DRAWN_PX
    fine = draw.normal(0, 5, (height, width))
    coarse = Image.fromarray(draw.normal(0, 1, (height // 12, width // 20)).astype(np.float32))
    grain = fine + 5 * np.asarray(coarse.resize(DRAWN_PX, Image.Resampling.BICUBIC))
    grain[sky > 0] = 0
    return Image.fromarray((np.asarray(picture) + grain[..., None]).clip(0, 255).astype(np.uint8))


def _pools(site: Site) -> Floats:
    """Light under the street lamps."""
    picture = Image.new("L", (WIDTH_PX, HEIGHT_PX), 40)
    pen = ImageDraw.Draw(picture)
    turns = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    for x, y in sorted(site.posts, key=lambda post: -post[1]):
        for radius, value in ((9, 105), (5.5, 180)):
            ring = [x * 0.6 + radius * np.cos(turns) + site.bend * y * y, y + radius * np.sin(turns), np.zeros(16)]
            outline = site.camera.outline(np.stack(ring, axis=1))
            if outline:
                pen.polygon([(px * WIDTH_PX / DRAWN_PX[0], py * WIDTH_PX / DRAWN_PX[0]) for px, py in outline], fill=value)
    blurred = picture.filter(ImageFilter.GaussianBlur(9))
    return np.asarray(blurred, dtype=np.float32) / 255
