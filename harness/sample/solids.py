"""Solid shapes of flat faces, from which every vehicle and person is put together.

A model stands on the ground around the origin: x to its right, y forward, z up, in metres.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from harness.sample.geometry import Array

Point = tuple[float, float, float]


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


@dataclass(frozen=True, kw_only=True)
class Model:
    """Faces and lamps of one shape, with the ground it covers."""

    name: str
    faces: tuple[Face, ...]
    width_m: float
    length_m: float
    height_m: float
    lamps: tuple[Lamp, ...] = ()

    @cached_property
    def vertices(self) -> Array:
        """All corners of all faces, [V, 3]."""
        return np.array([corner for face in self.faces for corner in face.corners])

    @cached_property
    def starts(self) -> list[int]:
        """Where each face's corners begin in `vertices`, and the end: F + 1 numbers."""
        return [0, *np.cumsum([len(face.corners) for face in self.faces]).tolist()]

    @cached_property
    def centres(self) -> Array:
        """Middle of each face, [F, 3]."""
        return np.array([np.mean(face.corners, axis=0) for face in self.faces])

    @cached_property
    def normals(self) -> Array:
        """Unit normal of each face, outward, [F, 3]."""
        return np.array([_normal(np.array(face.corners)) for face in self.faces])

    @cached_property
    def layers(self) -> Array:
        """Layer of each face, [F]."""
        return np.array([face.layer for face in self.faces])


def _normal(corners: Array) -> Array:
    normal = np.cross(corners, np.roll(corners, -1, axis=0)).sum(axis=0)  # Newell's method
    found: Array = normal / (np.linalg.norm(normal) or 1.0)
    return found


def extrude(
    profile: Sequence[tuple[float, float]],
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
        side: material of both flanks.
        x: where the middle lies.
    """
    right = [(x + half, y, z) for (y, z), half in zip(profile, half_widths, strict=True)]
    left = [(x - half, y, z) for (y, z), half in zip(profile, half_widths, strict=True)]
    faces = [
        Face(corners=(left[i], left[i + 1], right[i + 1], right[i]), material=material, layer=layer)
        for i, material in enumerate(materials)
    ]
    faces.append(Face(corners=tuple(right), material=side, layer=layer))
    faces.append(Face(corners=tuple(reversed(left)), material=side, layer=layer))
    return faces


def box(
    x: tuple[float, float],
    y: tuple[float, float],
    z: tuple[float, float],
    material: str,
    *,
    layer: float = 0,
    top: str | None = None,
    ends: tuple[str, str] | None = None,
) -> list[Face]:
    """A box without a floor; `top` and `ends` (front, rear) may be of other materials than the flanks."""
    half, front, rear = (x[1] - x[0]) / 2, y[1], y[0]
    profile = [(front, z[0]), (front, z[1]), (rear, z[1]), (rear, z[0])]
    first, last = ends or (material, material)
    return extrude(profile, [half] * 4, [first, top or material, last], material, layer=layer, x=(x[0] + x[1]) / 2)


def disc(x: float, y: float, radius: float, material: str, *, half_width: float, layer: float, corners: int = 10) -> list[Face]:
    """A wheel that stands on the ground, its axle across; the tread is drawn in the same material."""
    turns = [2 * math.pi * k / corners for k in range(corners)]
    rim = [(y + radius * math.cos(turn), radius + radius * math.sin(turn)) for turn in turns]
    return extrude([*rim, rim[0]], [half_width] * (corners + 1), [material] * corners, material, layer=layer, x=x)


def panel(corners: Iterable[Point], material: str, *, layer: float) -> Face:
    """One flat face, for windows, lights and plates that lie on a body."""
    return Face(corners=tuple(corners), material=material, layer=layer)


def across(y: float, x: tuple[float, float], z: tuple[float, float], material: str, *, layer: float) -> Face:
    """An upright panel across the vehicle, facing forward where y > 0, else to the rear."""
    corners = [(x[0], y, z[0]), (x[0], y, z[1]), (x[1], y, z[1]), (x[1], y, z[0])]
    return panel(corners if y > 0 else reversed(corners), material, layer=layer)


def flank(x: float, y: tuple[float, float], z: tuple[float, float], material: str, *, layer: float) -> Face:
    """An upright panel along the vehicle, facing right where x > 0, else left."""
    corners = [(x, y[0], z[0]), (x, y[1], z[0]), (x, y[1], z[1]), (x, y[0], z[1])]
    return panel(corners if x > 0 else reversed(corners), material, layer=layer)


def hub(x: float, y: float, radius: float, material: str, *, layer: float, corners: int = 10) -> Face:
    """A wheel seen from its side, on the right flank where x > 0, else on the left."""
    turns = [2 * math.pi * k / corners for k in range(corners)]
    rim = [(x, y + radius * math.cos(turn), radius + radius * math.sin(turn)) for turn in turns]
    return panel(rim if x > 0 else reversed(rim), material, layer=layer)
