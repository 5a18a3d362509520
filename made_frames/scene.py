"""One frame's street with everything on it: who hides whom, shadows, and a label for what can be seen."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from made_frames.backdrop import Backdrop
from made_frames.geometry import (
    DRAWN_PX,
    FRAME_PX,
    OVERSAMPLING,
    Array,
    Camera,
    footprint,
    hull,
    painters_order,
)
from made_frames.moment import Moment
from made_frames.site import Site
from made_frames.solids import Point
from made_frames.traffic import Actor

UNLABELLED = 255
LEAVES = ((62, 84, 44), (74, 96, 50), (50, 72, 40), (88, 108, 60), (44, 62, 36))
LEAST_SHARE = 0.25  # of an actor that must show for a label
LEAST_PX = 4.0  # width and height of a label


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """A label: class and edges in pixels of the frame."""

    label: int
    left: float
    top: float
    right: float
    bottom: float

    def line(self) -> str:
        """`class cx cy w h`, normalised, as in a YOLO label file."""
        wide, high = FRAME_PX
        centre = f"{(self.left + self.right) / 2 / wide:.6f} {(self.top + self.bottom) / 2 / high:.6f}"
        size = f"{(self.right - self.left) / wide:.6f} {(self.bottom - self.top) / high:.6f}"
        return f"{self.label} {centre} {size}\n"


class Scene:
    """A street by even daylight, at drawing size, and a map of what each pixel shows.

    Args:
        ids: 0 where the backdrop shows, k + 1 where actor k, `UNLABELLED` where a tree or post.
    """

    def __init__(self, site: Site, backdrop: Backdrop, actors: Sequence[Actor], moment: Moment) -> None:
        self.site = site
        self.actors = actors
        self.camera = site.camera
        self.sun = np.array(moment.sun) * 0.36 * moment.sunshine
        self.picture = Image.composite(backdrop.shaded, backdrop.picture, _shadows(site, actors, moment))
        self.ids = Image.new("L", DRAWN_PX)
        self.pen, self.id_pen = ImageDraw.Draw(self.picture), ImageDraw.Draw(self.ids)
        self.whole_px = [0] * len(actors)  # what each actor fills when nothing hides it
        grounds = [actor.ground for actor in actors]
        grounds += [footprint(x, y, 0.0, 0.3, 0.3) for x, y, _ in site.trees]
        grounds += [footprint(x, y, 0.0, 0.2, 0.2) for x, y in site.posts]
        drawings = [
            *[self._actor] * len(actors),
            *[self._tree] * len(site.trees),
            *[self._post] * len(site.posts),
        ]
        starts = [*range(len(actors)), *range(len(site.trees)), *range(len(site.posts))]
        for index in painters_order(np.array(grounds), site.camera.eye):
            drawings[index](starts[index])

    def boxes(self, covered: Image.Image) -> list[Box]:
        """One box around the visible part of each actor that shows a quarter of itself and is not tiny.

        Args:
            covered: mask of the overlays, at drawing size; what is under them is not seen.
        """
        ids = self.ids.copy()
        ids.paste(UNLABELLED, mask=covered)
        seen = np.asarray(ids)
        counts = ids.histogram()
        found = []
        for number, (actor, whole) in enumerate(zip(self.actors, self.whole_px, strict=True), start=1):
            if not whole or counts[number] < LEAST_SHARE * whole:
                continue
            mask = seen == number
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            left, top, right, bottom = (
                int(edge) / OVERSAMPLING for edge in (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
            )
            if min(right - left, bottom - top) >= LEAST_PX:
                found.append(Box(label=actor.label, left=left, top=top, right=right, bottom=bottom))
        return found

    def _actor(self, index: int) -> None:
        actor = self.actors[index]
        model = actor.model
        pixels, depths = self.camera.project(model.vertices @ actor.axes + actor.place)
        if depths.min() < 1.0:
            return
        normals = model.normals @ actor.axes
        sight = model.centres @ actor.axes + actor.place - self.camera.eye
        shades = (0.74 + 0.2 * normals[:, 2] + np.maximum(0.0, normals @ self.sun)).tolist()
        order = np.lexsort((-np.linalg.norm(sight, axis=1), model.layers))
        facing = (sight * normals).sum(axis=1) < 0
        corners = [(x, y) for x, y in pixels.tolist()]
        for face in order[facing[order]].tolist():
            outline = corners[model.starts[face] : model.starts[face + 1]]
            shade = shades[face]
            red, green, blue = actor.paints[model.materials[face]]
            self.pen.polygon(outline, fill=(int(red * shade), int(green * shade), int(blue * shade)))
            self.id_pen.polygon(outline, fill=index + 1)
        left, top = pixels.min(axis=0).clip(0, DRAWN_PX).astype(int).tolist()
        right, low = (pixels.max(axis=0) + 2).clip(0, DRAWN_PX).astype(int).tolist()
        if left < right and top < low:
            self.whole_px[index] = self.ids.crop((left, top, right, low)).histogram()[index + 1]

    def _tree(self, index: int) -> None:
        sprite = _tree_sprite(self.camera, self.site.trees[index])
        if sprite is not None:
            (x, y), picture = sprite
            self.picture.paste(picture, (x, y), picture)
            self.ids.paste(UNLABELLED, (x, y, x + picture.width, y + picture.height), picture)

    def _post(self, index: int) -> None:
        """A street lamp of 8 m with its arm."""
        x, y = self.site.posts[index]
        ends = np.array([(x, y, 0), (x, y, 8.0), (x - math.copysign(1.8, x), y, 8.3)])
        pixels, depths = self.camera.project(ends)
        if depths.min() > 2:
            thick = max(1, int(0.14 * self.camera.focal_px / depths[0]))
            line = [(u, v) for u, v in pixels.tolist()]
            self.pen.line(line, fill=(92, 96, 98), width=thick)
            self.id_pen.line(line, fill=UNLABELLED, width=thick)


@lru_cache(maxsize=512)
def _tree_sprite(camera: Camera, tree: Point) -> tuple[tuple[int, int], Image.Image] | None:
    """Where a tree is pasted, and its picture: a trunk below leaf clumps that are darker underneath."""
    x, y, tall = tree
    rng = Random(f"{x:.3f}/{y:.3f}")
    radius = tall * 0.3
    middle = tall * 0.68
    clumps = np.array([(rng.gauss(0, 0.5), rng.gauss(0, 0.5), rng.gauss(0, 0.42)) for _ in range(240)])
    places = np.concatenate([[(0, 0, 0), (0, 0, middle)], clumps * radius + (0, 0, middle)])
    pixels, depths = camera.project(places + np.array([x, y, 0]))
    if depths.min() < 4:
        return None
    scale = camera.focal_px / depths[0]
    corner = (pixels.min(axis=0) - 0.25 * radius * scale).astype(int)
    width, height = (pixels.max(axis=0) + 0.25 * radius * scale - corner).astype(int).tolist()
    picture = Image.new("RGBA", (width, height))
    pen = ImageDraw.Draw(picture)
    foot, crown, *spots = [(u, v) for u, v in (pixels - corner).tolist()]
    pen.line([foot, crown], fill=(70, 58, 46), width=max(1, int(0.28 * scale)))
    for (u, v), up in zip(spots, clumps[:, 2].tolist(), strict=True):
        spread = rng.uniform(0.04, 0.13) * radius * scale
        shade = max(0.3, 0.85 + 0.35 * up)
        red, green, blue = (int(part * shade) for part in rng.choice(LEAVES))
        pen.ellipse((u - spread, v - spread * 0.8, u + spread, v + spread * 0.8), fill=(red, green, blue))
    return (int(corner[0]), int(corner[1])), picture


def _shadows(site: Site, actors: Sequence[Actor], moment: Moment) -> Image.Image:
    """How much light is kept from the ground, as a mask at drawing size."""
    mask = Image.new("L", FRAME_PX)
    pen = ImageDraw.Draw(mask)
    near: list[tuple[Array, float]] = [(actor.ground, actor.model.height_m) for actor in actors]
    tall = [(footprint(x, y, 0.0, 2.5, 2.5), height * 0.8) for x, y, height in site.trees]
    tall += [(house.ground, house.height_m) for house in site.houses]
    for strength, reach, things in ((int(185 * moment.sunshine), 0.9, near + tall), (150, 0.04, near)):
        for ground, height in things if strength else ():
            thrown = ground + np.array(moment.shadow) * height * reach
            outer = hull([*ground.tolist(), *thrown.tolist()])
            outline = site.camera.outline(np.array([(x, y, 0.0) for x, y in outer]), 1 / OVERSAMPLING)
            if outline:
                pen.polygon(outline, fill=strength)
    return mask.filter(ImageFilter.BoxBlur(1)).resize(DRAWN_PX, Image.Resampling.BILINEAR)
