"""A pinhole camera above a road, and the order in which solid things hide each other.

World axes in metres: x to the right, y along the road, z up; the ground is z = 0.
Pixels are those of the drawing, which is `OVERSAMPLING` times finer than the frame.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

WIDTH_PX, HEIGHT_PX = 352, 288
OVERSAMPLING = 2
DRAWN_PX = (WIDTH_PX * OVERSAMPLING, HEIGHT_PX * OVERSAMPLING)
SQUASH = (WIDTH_PX / HEIGHT_PX) / (4 / 3)  # the cameras deliver a 4:3 scene in 11:9 pixels
NEAR_M = 0.8

Array = npt.NDArray[np.float64]
Outline = list[tuple[float, float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Camera:
    """Where a camera hangs and where it looks.

    Args:
        x_m, height_m: position; y is 0.
        yaw, pitch: radians to the right of the road's axis and below the horizon.
        focal_px: focal length in vertical pixels of the drawing.
    """

    x_m: float
    height_m: float
    yaw: float
    pitch: float
    focal_px: float

    @property
    def eye(self) -> Array:
        """Position [3]."""
        return np.array([self.x_m, 0.0, self.height_m])

    def view(self, points: Array) -> Array:
        """Points [N, 3] of the world as (right, down, forward) from the camera, metres."""
        seen: Array = (points - self.eye) @ _axes(self.yaw, self.pitch).T
        return seen

    def project(self, points: Array) -> tuple[Array, Array]:
        """Pixels [N, 2] and depths [N] in metres; pixels mean nothing where depth is below `NEAR_M`."""
        seen = self.view(points)
        return self._pixels(seen), seen[:, 2]

    def outline(self, polygon: Array) -> Outline:
        """Pixel outline of a flat polygon [N, 3], cut at the near plane; empty where it is behind."""
        seen = self.view(np.asarray(polygon, dtype=float))
        if (seen[:, 2] < NEAR_M).any():
            seen = _cut(seen)
        return _bounded(self._pixels(seen)) if len(seen) else []

    def horizon_px(self) -> float:
        """Height of the horizon in the drawing, in pixels from its top; negative when out of the frame."""
        return DRAWN_PX[1] / 2 - self.focal_px * math.tan(self.pitch)

    def reach_m(self, scale: float, x_m: float) -> float:
        """The y at which a thing at `x_m` on the ground is drawn with `scale` pixels a metre."""
        depth = self.focal_px / scale
        across = (x_m - self.x_m) * math.sin(self.yaw) * math.cos(self.pitch)
        return (depth - across - self.height_m * math.sin(self.pitch)) / (math.cos(self.yaw) * math.cos(self.pitch))

    def _pixels(self, seen: Array) -> Array:
        scale = self.focal_px / np.maximum(seen[:, 2:], 1e-6)
        return seen[:, :2] * scale * (SQUASH, 1.0) + np.array(DRAWN_PX) / 2


@lru_cache(maxsize=64)
def _axes(yaw: float, pitch: float) -> Array:
    """Rows right, down, forward of a view, [3, 3]."""
    sin_yaw, cos_yaw, sin_pitch, cos_pitch = math.sin(yaw), math.cos(yaw), math.sin(pitch), math.cos(pitch)
    right = [cos_yaw, -sin_yaw, 0.0]
    down = [-sin_yaw * sin_pitch, -cos_yaw * sin_pitch, -cos_pitch]
    return np.array([right, down, [sin_yaw * cos_pitch, cos_yaw * cos_pitch, -sin_pitch]])


def _cut(seen: Array) -> Array:
    """The part of a polygon [N, 3] in view coordinates that lies beyond the near plane."""
    kept = []
    for start, end in zip(seen, np.roll(seen, -1, axis=0), strict=True):
        if start[2] >= NEAR_M:
            kept.append(start)
        if (start[2] >= NEAR_M) != (end[2] >= NEAR_M):
            kept.append(start + (end - start) * (NEAR_M - start[2]) / (end[2] - start[2]))
    return np.array(kept)


def _bounded(pixels: Array) -> Outline:
    # Pillow's polygons overflow far outside the picture; so far out, the slight turn of an edge is not seen.
    return [(float(x), float(y)) for x, y in pixels.clip(-2e4, 2e4)]


def hull(points: Sequence[tuple[float, float]]) -> Outline:
    """Convex hull of points, by Andrew's monotone chain."""
    ordered = sorted(points)
    chains = []
    for direction in (ordered, ordered[::-1]):
        chain: Outline = []
        for x, y in direction:
            while len(chain) > 1:
                (ax, ay), (bx, by) = chain[-2:]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                    break
                chain.pop()
            chain.append((x, y))
        chains.append(chain[:-1])
    return chains[0] + chains[1]


def footprint(x_m: float, y_m: float, heading: float, width_m: float, length_m: float) -> Array:
    """Corners [4, 2] of a rectangle on the ground, counter-clockwise; heading in radians from +y to +x."""
    forward = np.array([math.sin(heading), math.cos(heading)]) * length_m / 2
    right = np.array([math.cos(heading), -math.sin(heading)]) * width_m / 2
    centre = np.array([x_m, y_m])
    corners = (right - forward, right + forward, forward - right, -right - forward)
    return np.array([centre + corner for corner in corners])


def outside(bases: Array, others: Array) -> Array:
    """[M, N, 4]: metres by which footprint j of `others` [N, 4, 2] lies wholly beyond edge e of `bases` [M, 4, 2]."""
    normals = _edge_normals(bases)
    reach = np.einsum("mek,nck->mnec", normals, others).min(axis=-1)
    found: Array = reach - (normals * bases).sum(-1)[:, None]
    return found


def _edge_normals(corners: Array) -> Array:
    """Unit normals, outward, of the edges of footprints [N, 4, 2]."""
    edges = corners[:, [1, 2, 3, 0]] - corners
    found: Array = edges[..., ::-1] * (1.0, -1.0) / np.hypot(edges[..., :1], edges[..., 1:])
    return found


def painters_order(corners: Array, camera: Camera) -> list[int]:
    """Order, far to near, in which things on footprints [N, 4, 2] that do not overlap must be drawn.

    Of two things, an edge of one has the other wholly beyond it; the one on the camera's side of that edge hides
    the other. Distance decides where no edge does, and breaks the rare ring.
    """
    beyond = outside(corners, corners) > -0.05
    eye_beyond = (_edge_normals(corners) * (camera.eye[:2] - corners)).sum(-1) > 0
    hides = (beyond & ~eye_beyond[:, None]).any(-1) | (beyond & eye_beyond[:, None]).any(-1).T  # i before j's sight
    hides &= ~hides.T  # edges that say both: neither hides the other
    distance = np.linalg.norm(corners.mean(axis=1) - camera.eye[:2], axis=1)
    left = np.argsort(-distance, kind="stable").tolist()
    order = []
    while left:
        free = next((i for i in left if not hides[i, left].any()), left[0])
        order.append(free)
        left.remove(free)
    return order
