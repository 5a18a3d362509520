"""One frame's street with everything on it: who hides whom, shadows, and which pixel shows which actor."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from harness.sample.backdrop import Backdrop
from harness.sample.geometry import DRAWN_PX, HEIGHT_PX, OVERSAMPLING, WIDTH_PX, Array, Camera, footprint, hull, painters_order
from harness.sample.moment import Moment
from harness.sample.site import Site
from harness.sample.traffic import Actor

UNLABELLED = 255
MOST_ACTORS = 250
LEAVES = ((62, 84, 44), (74, 96, 50), (50, 72, 40), (88, 108, 60), (44, 62, 36))


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A drawn street.

    Args:
        picture: by even daylight, at drawing size.
        ids: 0 where the backdrop shows, k + 1 where actor k, `UNLABELLED` where a tree or post; at drawing size.
        whole_px: number of pixels that each actor fills inside the frame when nothing hides it.
    """

    picture: Image.Image
    ids: Image.Image
    whole_px: tuple[int, ...]


class Thing(Protocol):
    """What stands on the ground and hides what is behind."""

    @property
    def ground(self) -> Array: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    x_m: float
    y_m: float
    height_m: float

    @property
    def ground(self) -> Array:
        """Corners [4, 2] of the trunk."""
        return footprint(self.x_m, self.y_m, 0.0, 0.3, 0.3)


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    x_m: float
    y_m: float

    @property
    def ground(self) -> Array:
        """Corners [4, 2] of the foot."""
        return footprint(self.x_m, self.y_m, 0.0, 0.2, 0.2)


class Painter:
    """Draws into the picture and the map of ids alike."""

    def __init__(self, picture: Image.Image, camera: Camera, moment: Moment) -> None:
        self.camera = camera
        self.picture = picture
        self.ids = Image.new("L", DRAWN_PX)
        self.pen = ImageDraw.Draw(picture)
        self.id_pen = ImageDraw.Draw(self.ids)
        level = math.cos(moment.elevation)
        self.sun = np.array([math.sin(moment.azimuth) * level, math.cos(moment.azimuth) * level, math.sin(moment.elevation)])
        self.sunshine = moment.sunshine

    def actor(self, actor: Actor, number: int) -> int:
        """Draw an actor as `number`; returns how many pixels it fills."""
        model = actor.model
        turn = _turn(actor)
        place = np.array([actor.x_m, actor.y_m, 0.0])
        pixels, depths = self.camera.project(model.vertices * actor.size @ turn + place)
        if depths.min() < 1.0:
            return 0
        centres, normals = model.centres * actor.size @ turn + place, model.normals @ turn
        to_face = centres - self.camera.eye
        shades = 0.74 + 0.2 * normals[:, 2] + 0.36 * self.sunshine * np.maximum(0.0, normals @ self.sun)
        order = np.lexsort((-np.linalg.norm(to_face, axis=1), model.layers))
        facing = (to_face * normals).sum(axis=1) < 0
        corners = [tuple(pixel) for pixel in pixels.tolist()]
        for index in order[facing[order]].tolist():
            outline = corners[model.starts[index] : model.starts[index + 1]]
            red, green, blue = actor.paints[model.faces[index].material]
            shade = shades[index]
            self.pen.polygon(outline, fill=(int(red * shade), int(green * shade), int(blue * shade)))
            self.id_pen.polygon(outline, fill=number)
        left, top = np.floor(pixels.min(axis=0)).clip(0, DRAWN_PX).astype(int).tolist()
        right, low = (np.ceil(pixels.max(axis=0)) + 1).clip(0, DRAWN_PX).astype(int).tolist()
        return int(self.ids.crop((left, top, right, low)).histogram()[number]) if right > left and low > top else 0

    def post(self, post: Post) -> None:
        """A street lamp of 8 m with its arm."""
        arm = -math.copysign(1.8, post.x_m)
        points = np.array([(post.x_m, post.y_m, 0), (post.x_m, post.y_m, 8.0), (post.x_m + arm, post.y_m, 8.3)])
        pixels, depths = self.camera.project(points)
        if depths.min() < 2:
            return
        thick = max(1, int(0.14 * self.camera.focal_px / depths[0]))
        line = [tuple(pixel) for pixel in pixels.tolist()]
        self.pen.line(line, fill=(92, 96, 98), width=thick)
        self.id_pen.line(line, fill=UNLABELLED, width=thick)

    def tree(self, tree: Tree) -> None:
        """A trunk below a crown of leaf clumps, darker underneath."""
        rng = Random(f"{tree.x_m:.3f}/{tree.y_m:.3f}")
        radius, middle = tree.height_m * 0.3, tree.height_m * 0.68
        clumps = [(rng.gauss(0, 0.5), rng.gauss(0, 0.5), rng.gauss(0, 0.42)) for _ in range(80)]
        places = np.array([(tree.x_m, tree.y_m, 0), (tree.x_m, tree.y_m, middle)] + [
            (tree.x_m + x * radius, tree.y_m + y * radius, middle + z * radius) for x, y, z in clumps
        ])  # fmt: skip
        pixels, depths = self.camera.project(places)
        if depths.min() < 4:
            return
        scale = self.camera.focal_px / depths[0]
        for pen, colour in ((self.pen, (70, 58, 46)), (self.id_pen, UNLABELLED)):
            pen.line([tuple(pixels[0]), tuple(pixels[1])], fill=colour, width=max(1, int(0.28 * scale)))
        for (x, y), (_, _, height) in zip(pixels[2:].tolist(), clumps, strict=True):
            size = rng.uniform(0.08, 0.22) * radius * scale
            shade = 0.85 + 0.35 * height
            colour = tuple(int(part * shade) for part in rng.choice(LEAVES))
            bounds = (x - size, y - size * 0.8, x + size, y + size * 0.8)
            self.pen.ellipse(bounds, fill=colour)
            self.id_pen.ellipse(bounds, fill=UNLABELLED)


def _turn(actor: Actor) -> Array:
    """Rows are the world directions of the model's x, y, z: [3, 3]."""
    sin, cos = math.sin(actor.heading), math.cos(actor.heading)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def draw_scene(site: Site, backdrop: Backdrop, actors: Sequence[Actor], moment: Moment) -> Scene:
    """Put actors, trees and posts into the street, far ones first."""
    trees = [Tree(x_m=x + site.bend * y * y, y_m=y, height_m=height) for x, y, height in site.trees]
    posts = [Post(x_m=x + site.bend * y * y, y_m=y) for x, y in site.posts]
    shadows = _shadows(site.camera, actors, trees, moment)
    painter = Painter(Image.composite(backdrop.shaded, backdrop.picture, shadows), site.camera, moment)
    things: list[Actor | Tree | Post] = [*actors[:MOST_ACTORS], *trees, *posts]
    whole = [0] * len(actors)
    for index in painters_order(np.array([thing.ground for thing in things]), site.camera):
        thing = things[index]
        if isinstance(thing, Actor):
            whole[index] = painter.actor(thing, index + 1)
        elif isinstance(thing, Tree):
            painter.tree(thing)
        else:
            painter.post(thing)
    return Scene(picture=painter.picture, ids=painter.ids, whole_px=tuple(whole))


def _shadows(camera: Camera, actors: Sequence[Actor], trees: Sequence[Tree], moment: Moment) -> Image.Image:
    """How much light is kept from the ground, as a mask at drawing size."""
    mask = Image.new("L", (WIDTH_PX, HEIGHT_PX))
    pen = ImageDraw.Draw(mask)
    east, north = moment.shadow
    casters: list[tuple[Array, float]] = [(actor.ground, actor.model.height_m) for actor in actors]
    casters += [(footprint(tree.x_m, tree.y_m, 0.0, 2.5, 2.5), tree.height_m * 0.8) for tree in trees]
    for strength, reach in ((int(185 * moment.sunshine), 0.9), (150, 0.04)):
        for ground, height in casters if strength else ():
            thrown = ground + np.array([east, north]) * height * reach
            points = np.concatenate([ground, thrown])
            pixels, depths = camera.project(np.column_stack([points, np.zeros(len(points))]))
            if depths.min() > 1:
                pen.polygon(hull([(x / OVERSAMPLING, y / OVERSAMPLING) for x, y in pixels.tolist()]), fill=strength)
    return mask.filter(ImageFilter.BoxBlur(1)).resize(DRAWN_PX, Image.Resampling.BILINEAR)
