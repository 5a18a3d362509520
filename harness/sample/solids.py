"""Solid shapes of flat faces, from which every vehicle and person is put together.

A shape stands on the ground around the origin: x to its right, y forward, z up, in metres.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.sample.geometry import Array

Point = tuple[float, float, float]
Span = tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Face:
    """A flat polygon, counter-clockwise seen from outside.

    Args:
        material: name that a palette turns into a colour.
        layer: faces of a higher layer are drawn later, whatever their distance.
    """

    corners: tuple[Point, ...]
    material: str
    layer: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Lamp:
    """A light that shines in the dark, seen only from the half space it faces."""

    place: Point
    forward: bool
    material: str


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Model:
    """F faces of V corners in all as arrays, lamps, and the measures of the whole.

    Args:
        vertices, starts: corners [V, 3]; face f has those from `starts[f]` to `starts[f + 1]`.
        centres, normals, layers: of the faces, [F, 3], [F, 3] outward of length 1, and [F].
    """

    name: str
    width_m: float
    length_m: float
    height_m: float
    materials: tuple[str, ...]
    lamps: tuple[Lamp, ...]
    vertices: Array
    starts: tuple[int, ...]
    centres: Array
    normals: Array
    layers: Array


def model(name: str, size: Point, faces: Sequence[Face], lamps: Sequence[Lamp] = ()) -> Model:
    """The model made of `faces`; `size` is its width, length and height."""
    corners = [np.array(face.corners) for face in faces]
    # Newell's method: twice the vector area of a polygon.
    areas = np.array([np.cross(face, np.roll(face, -1, axis=0)).sum(axis=0) for face in corners])
    return Model(
        name=name,
        width_m=size[0],
        length_m=size[1],
        height_m=size[2],
        materials=tuple(face.material for face in faces),
        lamps=tuple(lamps),
        vertices=np.concatenate(corners),
        starts=(0, *np.cumsum([len(face) for face in corners]).tolist()),
        centres=np.array([face.mean(axis=0) for face in corners]),
        normals=areas / np.linalg.norm(areas, axis=1, keepdims=True),
        layers=np.array([face.layer for face in faces]),
    )


def extrude(
    profile: Sequence[Span],
    half_widths: Sequence[float],
    materials: Sequence[str],
    side: str,
    *,
    layer: float = 0,
    x: float = 0.0,
) -> list[Face]:
    """A body whose side view is `profile`, [(y, z)], from the front over the top to the rear; open below.

    Args:
        half_widths: of the body at each point of the profile.
        materials: of the strips between neighbouring points, one fewer than points.
        side: material of both flanks, which come last: right, left.
        x: where the middle lies.
    """
    right = [(x + half, y, z) for (y, z), half in zip(profile, half_widths, strict=True)]
    left = [(x - half, y, z) for (y, z), half in zip(profile, half_widths, strict=True)]
    strips = [(left[i], left[i + 1], right[i + 1], right[i]) for i in range(len(materials))]
    sides = [(tuple(right), side), (tuple(reversed(left)), side)]
    return [
        Face(corners=corners, material=material, layer=layer)
        for corners, material in [*zip(strips, materials, strict=True), *sides]
    ]


def box(x: Span, y: Span, z: Span, material: str, *, layer: float = 0, top: str | None = None) -> list[Face]:
    """A box without a floor; its top may be of another material."""
    profile = [(y[1], z[0]), (y[1], z[1]), (y[0], z[1]), (y[0], z[0])]
    strips = [material, top or material, material]
    return extrude(profile, [(x[1] - x[0]) / 2] * 4, strips, material, layer=layer, x=(x[0] + x[1]) / 2)


def disc(place: Point, radius: float, material: str, *, half_width: float, layer: float) -> list[Face]:
    """A wheel around `place`, its axle across; the flanks come last: right, left."""
    corners = 10
    x, y, z = place
    turns = [2 * math.pi * k / corners for k in range(corners + 1)]
    rim = [(y + radius * math.cos(turn), z + radius * math.sin(turn)) for turn in turns]
    return extrude(rim, [half_width] * (corners + 1), [material] * corners, material, layer=layer, x=x)


def limb(x: float, start: Span, end: Span, thick: float, material: str, *, layer: float) -> list[Face]:
    """A leg, arm or tube between two points (y, z) of the upright plane at `x`."""
    (y0, z0), (y1, z1) = start, end
    share = thick / 2 / math.hypot(y1 - y0, z1 - z0)
    dy, dz = (z1 - z0) * share, (y0 - y1) * share
    rim = [(y0 + dy, z0 + dz), (y1 + dy, z1 + dz), (y1 - dy, z1 - dz), (y0 - dy, z0 - dz), (y0 + dy, z0 + dz)]
    return extrude(rim, [thick / 2] * 5, [material] * 4, material, layer=layer, x=x)


def across(y: float, x: Span, z: Span, material: str, *, layer: float) -> Face:
    """An upright panel across the vehicle, facing forward where y > 0, else to the rear."""
    corners = ((x[0], y, z[0]), (x[0], y, z[1]), (x[1], y, z[1]), (x[1], y, z[0]))
    return Face(corners=corners if y > 0 else corners[::-1], material=material, layer=layer)


def flank(half_width: float, side: int, outline: Sequence[Span], material: str, *, layer: float) -> Face:
    """A panel [(y, z)] on the right (`side` 1) or left (-1) of a vehicle, counter-clockwise seen from the right."""
    corners = tuple((side * half_width, y, z) for y, z in outline)
    return Face(corners=corners if side > 0 else corners[::-1], material=material, layer=layer)


def rectangle(y: Span, z: Span) -> list[Span]:
    """Outline of a rectangle for `flank`."""
    return [(y[0], z[0]), (y[1], z[0]), (y[1], z[1]), (y[0], z[1])]
