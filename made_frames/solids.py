"""Solid shapes of flat faces, from which every vehicle and person is put together.

A shape stands on the ground around the origin: x to its right, y forward, z up, in metres.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

Point = tuple[float, float, float]
Span = tuple[float, float]


class Face(NamedTuple):
    """A flat polygon, counter-clockwise seen from outside; a face of a higher layer is drawn later."""

    corners: Sequence[Point]
    material: str
    layer: float


class Lamp(NamedTuple):
    """A light that shines in the dark, seen only from the side it faces."""

    place: Point
    forward: bool
    material: str


class Model:
    """The faces of one shape as arrays.

    Face f has the corners `starts[f]` to `starts[f + 1]` of `vertices` [V, 3].

    Args:
        size: width, length and height.
    """

    def __init__(self, name: str, size: Point, faces: Sequence[Face], lamps: Sequence[Lamp] = ()) -> None:
        corners = [np.array(face.corners) for face in faces]
        # Newell's method: twice the vector area of a polygon.
        areas = np.array([np.cross(face, np.roll(face, -1, axis=0)).sum(axis=0) for face in corners])
        self.name, self.lamps = name, lamps
        self.width_m, self.length_m, self.height_m = size
        self.vertices = np.concatenate(corners)
        self.starts = [0, *np.cumsum([len(face) for face in corners]).tolist()]
        self.centres = np.array([face.mean(axis=0) for face in corners])
        self.normals = areas / np.linalg.norm(areas, axis=1, keepdims=True)
        self.layers = np.array([face.layer for face in faces])
        self.materials = [face.material for face in faces]


def extrude(
    profile: Sequence[Span],
    half_widths: Sequence[float],
    materials: Sequence[str],
    layer: float = 0,
    x: float = 0,
) -> list[Face]:
    """A body around the plane `x` with the side view `profile`.

    Args:
        profile: points (y, z) from the front over the top to the rear.
        half_widths: of the body at each point of the profile.
        materials: of the strips between neighbouring points, then of the flanks; the flanks are the last two
            faces, right and left.
    """
    right = [(x + half, y, z) for (y, z), half in zip(profile, half_widths, strict=True)]
    left = [(x - half, y, z) for (y, z), half in zip(profile, half_widths, strict=True)]
    strips = [(left[i], left[i + 1], right[i + 1], right[i]) for i in range(len(profile) - 1)]
    outlines = [*strips, right, left[::-1]]
    return [Face(*face, layer) for face in zip(outlines, [*materials, materials[-1]], strict=True)]


def box(x: Span, y: Span, z: Span, material: str, layer: float = 0, top: str = "") -> list[Face]:
    """A box without a floor; its top may be of another material."""
    profile = [(y[1], z[0]), (y[1], z[1]), (y[0], z[1]), (y[0], z[0])]
    strips = [material, top or material, material, material]
    return extrude(profile, [(x[1] - x[0]) / 2] * 4, strips, layer, (x[0] + x[1]) / 2)


def disc(place: Point, radius: float, material: str, half_width: float, layer: float) -> list[Face]:
    """A wheel around `place`, its axle across; the flanks come last: right, left."""
    x, y, z = place
    turns = [2 * math.pi * k / 10 for k in range(11)]
    rim = [(y + radius * math.cos(turn), z + radius * math.sin(turn)) for turn in turns]
    return extrude(rim, [half_width] * 11, [material] * 11, layer, x)


def limb(x: float, start: Span, end: Span, thick: float, material: str, layer: float) -> list[Face]:
    """A leg, arm or tube between two points (y, z) of the upright plane at `x`."""
    (y0, z0), (y1, z1) = start, end
    share = thick / 2 / math.hypot(y1 - y0, z1 - z0)
    dy, dz = (z1 - z0) * share, (y0 - y1) * share
    rim = [(y0 + dy, z0 + dz), (y1 + dy, z1 + dz), (y1 - dy, z1 - dz), (y0 - dy, z0 - dz), (y0 + dy, z0 + dz)]
    return extrude(rim, [thick / 2] * 5, [material] * 5, layer, x)


def across(y: float, x: Span, z: Span, material: str, layer: float) -> Face:
    """An upright panel across the vehicle, facing forward where y > 0, else to the rear."""
    corners = [(x[0], y, z[0]), (x[0], y, z[1]), (x[1], y, z[1]), (x[1], y, z[0])]
    return Face(corners if y > 0 else corners[::-1], material, layer)


def flanks(half_width: float, y: Span, z: Span, material: str, layer: float) -> list[Face]:
    """A rectangular panel on the right and one on the left of a vehicle."""
    return box((-half_width, half_width), y, z, material, layer)[-2:]
