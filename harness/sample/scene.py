"""One frame's street with everything on it: who hides whom, shadows, and which pixel shows which actor."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from harness.sample.backdrop import FRAME_PX, HOUSE_DEPTH_M, Backdrop
from harness.sample.geometry import DRAWN_PX, OVERSAMPLING, Array, Camera, footprint, hull, painters_order
from harness.sample.moment import Moment
from harness.sample.site import Site, Tree
from harness.sample.traffic import Actor

UNLABELLED = 255
LEAVES = ((62, 84, 44), (74, 96, 50), (50, 72, 40), (88, 108, 60), (44, 62, 36))
Bounds = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """Where an actor was drawn: bounds in the drawing, and the pixels it fills when nothing hides it."""

    bounds: Bounds
    whole_px: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """A drawn street.

    Args:
        picture: by even daylight, at drawing size.
        ids: 0 where the backdrop shows, k + 1 where actor k, `UNLABELLED` where a tree or post; at drawing size.
        traces: of each actor; None where it is out of the picture.
    """

    picture: Image.Image
    ids: Image.Image
    traces: tuple[Trace | None, ...]


class Painter:
    """Draws into the picture and the map of ids alike."""

    def __init__(self, picture: Image.Image, camera: Camera, moment: Moment) -> None:
        self.camera = camera
        self.picture = picture
        self.ids = Image.new("L", DRAWN_PX)
        self.pen = ImageDraw.Draw(picture)
        self.id_pen = ImageDraw.Draw(self.ids)
        self.sun = np.array(moment.sun) * 0.36 * moment.sunshine

    def actor(self, actor: Actor, number: int) -> Trace | None:
        """Draw an actor as `number`."""
        model, turn, place = actor.model, actor.axes * actor.size, np.array([actor.x_m, actor.y_m, 0.0])
        pixels, depths = self.camera.project(model.vertices @ turn + place)
        if depths.min() < 1.0:
            return None
        to_face, normals = model.centres @ turn + place - self.camera.eye, model.normals @ actor.axes
        shades = (0.74 + 0.2 * normals[:, 2] + np.maximum(0.0, normals @ self.sun)).tolist()
        order = np.lexsort((-np.linalg.norm(to_face, axis=1), model.layers))
        facing = (to_face * normals).sum(axis=1) < 0
        corners = [tuple(pixel) for pixel in pixels.tolist()]
        for index in order[facing[order]].tolist():
            outline = corners[model.starts[index] : model.starts[index + 1]]
            red, green, blue = actor.paints[model.materials[index]]
            shade = shades[index]
            self.pen.polygon(outline, fill=(int(red * shade), int(green * shade), int(blue * shade)))
            self.id_pen.polygon(outline, fill=number)
        left, top = np.floor(pixels.min(axis=0)).clip(0, DRAWN_PX).astype(int).tolist()
        right, low = (np.ceil(pixels.max(axis=0)) + 1).clip(0, DRAWN_PX).astype(int).tolist()
        if right <= left or low <= top:
            return None
        bounds = (left, top, right, low)
        return Trace(bounds=bounds, whole_px=self.ids.crop(bounds).histogram()[number])

    def post(self, x: float, y: float) -> None:
        """A street lamp of 8 m with its arm."""
        points = np.array([(x, y, 0), (x, y, 8.0), (x - math.copysign(1.8, x), y, 8.3)])
        pixels, depths = self.camera.project(points)
        if depths.min() > 2:
            thick = max(1, int(0.14 * self.camera.focal_px / depths[0]))
            line = [tuple(pixel) for pixel in pixels.tolist()]
            self.pen.line(line, fill=(92, 96, 98), width=thick)
            self.id_pen.line(line, fill=UNLABELLED, width=thick)

    def tree(self, tree: Tree) -> None:
        """A tree in leaf."""
        sprite = _tree_sprite(self.camera, tree)
        if sprite is not None:
            place, picture = sprite
            self.picture.paste(picture, place, picture)
            self.ids.paste(UNLABELLED, (*place, place[0] + picture.width, place[1] + picture.height), picture)


@lru_cache(maxsize=512)
def _tree_sprite(camera: Camera, tree: Tree) -> tuple[tuple[int, int], Image.Image] | None:
    """Where a tree is pasted, and its picture: a trunk below leaf clumps that are darker underneath."""
    rng = Random(f"{tree.x_m:.3f}/{tree.y_m:.3f}")
    radius, middle = tree.height_m * 0.3, tree.height_m * 0.68
    clumps = [(rng.gauss(0, 0.5), rng.gauss(0, 0.5), rng.gauss(0, 0.42)) for _ in range(240)]
    foot = np.array([tree.x_m, tree.y_m, 0.0])
    crown = np.array(clumps) * radius + (0.0, 0.0, middle)
    pixels, depths = camera.project(np.array([(0.0, 0.0, 0.0), (0.0, 0.0, middle), *crown]) + foot)
    if depths.min() < 4:
        return None
    scale = camera.focal_px / depths[0]
    margin = 0.25 * radius * scale
    corner = np.floor(pixels.min(axis=0) - margin).astype(int)
    size = np.ceil(pixels.max(axis=0) + margin).astype(int) - corner
    picture = Image.new("RGBA", (int(size[0]), int(size[1])))
    pen = ImageDraw.Draw(picture)
    pixels -= corner
    pen.line([tuple(pixels[0]), tuple(pixels[1])], fill=(70, 58, 46, 255), width=max(1, int(0.28 * scale)))
    for (x, y), (_, _, height) in zip(pixels[2:].tolist(), clumps, strict=True):
        spread, shade = rng.uniform(0.04, 0.13) * radius * scale, 0.85 + 0.35 * height
        red, green, blue = (max(0, int(part * shade)) for part in rng.choice(LEAVES))
        pen.ellipse((x - spread, y - spread * 0.8, x + spread, y + spread * 0.8), fill=(red, green, blue, 255))
    return (int(corner[0]), int(corner[1])), picture


def draw_scene(site: Site, backdrop: Backdrop, actors: Sequence[Actor], moment: Moment) -> Scene:
    """Put actors, trees and posts into the street, far ones first."""
    shaded = Image.composite(backdrop.shaded, backdrop.picture, _shadows(site, actors, moment))
    painter = Painter(shaded, site.camera, moment)
    grounds = [actor.ground for actor in actors]
    grounds += [footprint(tree.x_m, tree.y_m, 0.0, 0.3, 0.3) for tree in site.trees]
    grounds += [footprint(x, y, 0.0, 0.2, 0.2) for x, y in site.posts]
    traces: list[Trace | None] = [None] * len(actors)
    for index in painters_order(np.array(grounds), site.camera):
        prop = index - len(actors)
        if prop < 0:
            traces[index] = painter.actor(actors[index], index + 1)
        elif prop < len(site.trees):
            painter.tree(site.trees[prop])
        else:
            painter.post(*site.posts[prop - len(site.trees)])
    return Scene(picture=painter.picture, ids=painter.ids, traces=tuple(traces))


def _shadows(site: Site, actors: Sequence[Actor], moment: Moment) -> Image.Image:
    """How much light is kept from the ground, as a mask at drawing size."""
    mask = Image.new("L", FRAME_PX)
    pen = ImageDraw.Draw(mask)
    casters: list[tuple[Array, float]] = [(actor.ground, actor.model.height_m) for actor in actors]
    long = [(footprint(tree.x_m, tree.y_m, 0.0, 2.5, 2.5), tree.height_m * 0.8) for tree in site.trees]
    for house in site.houses:
        deep = HOUSE_DEPTH_M if house.x_m > site.camera.x_m else -HOUSE_DEPTH_M
        front = [(house.x_m, house.start_m), (house.far_x_m, house.end_m)]
        long.append((np.array([*front, *((x + deep, y) for x, y in front)]), house.height_m))
    for strength, reach, things in ((int(185 * moment.sunshine), 0.9, casters + long), (150, 0.04, casters)):
        for ground, height in things if strength else ():
            thrown = ground + np.array(moment.shadow) * height * reach
            outer = np.array(hull(np.concatenate([ground, thrown]).tolist()))
            outline = site.camera.outline(np.column_stack([outer, np.zeros(len(outer))]))
            if outline:
                pen.polygon([(x / OVERSAMPLING, y / OVERSAMPLING) for x, y in outline], fill=strength)
    return mask.filter(ImageFilter.BoxBlur(1)).resize(DRAWN_PX, Image.Resampling.BILINEAR)
