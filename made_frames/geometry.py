"""A pinhole camera above a road, and which of two solid things hides the other.

World axes in metres: x to the right, y along the road, z up; the ground is z = 0.
Pixels are those of the drawing, which is `OVERSAMPLING` times finer than the frame.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

WIDTH_PX, HEIGHT_PX = FRAME_PX = (352, 288)
OVERSAMPLING = 2
DRAWN_PX = (WIDTH_PX * OVERSAMPLING, HEIGHT_PX * OVERSAMPLING)
SQUASH = (WIDTH_PX / HEIGHT_PX) / (4 / 3)  # the cameras deliver a 4:3 scene in 11:9 pixels
NEAR_M = 0.8

Array = npt.NDArray[np.float64]
Pixels = list[tuple[float, float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Camera:
    """A camera at (`x_m`, 0, `height_m`).

    Args:
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

    @property
    def horizon_px(self) -> float:
        """Height of the horizon from the top of the drawing; negative when out of the frame."""
        return DRAWN_PX[1] / 2 - self.focal_px * math.tan(self.pitch)

    def project(self, points: Array) -> tuple[Array, Array]:
        """Pixels [N, 2] and depths [N] in metres of points [N, 3]; pixels are valid from `NEAR_M` on."""
        seen = (points - self.eye) @ _axes(self.yaw, self.pitch).T
        return self._pixels(seen), seen[:, 2]

    def outline(self, polygon: Array, scale: float = 1.0) -> Pixels:
        """Pixels, times `scale`, of a flat polygon [N, 3] cut at the near plane; empty where it is behind."""
        seen = (polygon - self.eye) @ _axes(self.yaw, self.pitch).T
        if (seen[:, 2] < NEAR_M).any():
            seen = _cut(seen)
        # Pillow's polygons overflow far outside the picture; so far out, the slight turn of an edge is not
        # seen.
        return [(x, y) for x, y in (self._pixels(seen) * scale).clip(-2e4, 2e4).tolist()]

    def reach_m(self, scale_px: float, x_m: float) -> float:
        """The y at which a thing at `x_m` on the ground is drawn with `scale_px` pixels a metre."""
        away = self.focal_px / scale_px - self.height_m * math.sin(self.pitch)
        return (away / math.cos(self.pitch) - (x_m - self.x_m) * math.sin(self.yaw)) / math.cos(self.yaw)

    def _pixels(self, seen: Array) -> Array:
        scale = self.focal_px / np.maximum(seen[:, 2:], 1e-6)
        return seen[:, :2] * scale * (SQUASH, 1.0) + np.array(DRAWN_PX) / 2


@lru_cache(maxsize=64)
def _axes(yaw: float, pitch: float) -> Array:
    """Rows right, down, forward of a view, [3, 3]."""
    sin_yaw, cos_yaw, sin_pitch, cos_pitch = math.sin(yaw), math.cos(yaw), math.sin(pitch), math.cos(pitch)
    down = [-sin_yaw * sin_pitch, -cos_yaw * sin_pitch, -cos_pitch]
    return np.array([[cos_yaw, -sin_yaw, 0.0], down, [sin_yaw * cos_pitch, cos_yaw * cos_pitch, -sin_pitch]])


def _cut(seen: Array) -> Array:
    """The part of a polygon [N, 3] in view coordinates that lies beyond the near plane."""
    kept = []
    for start, end in zip(seen, np.roll(seen, -1, axis=0), strict=True):
        if start[2] >= NEAR_M:
            kept.append(start)
        if (start[2] >= NEAR_M) != (end[2] >= NEAR_M):
            kept.append(start + (end - start) * (NEAR_M - start[2]) / (end[2] - start[2]))
    return np.array(kept).reshape(-1, 3)


def hull(points: Pixels) -> Pixels:
    """Convex hull of points, by Andrew's monotone chain."""
    chains = []
    for direction in (sorted(points), sorted(points, reverse=True)):
        chain: Pixels = []
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
    sin, cos = math.sin(heading), math.cos(heading)
    signs = ((1, -1), (1, 1), (-1, 1), (-1, -1))
    corners = [(width_m / 2 * right, length_m / 2 * ahead) for right, ahead in signs]
    turned = [(x_m + cos * right + sin * ahead, y_m - sin * right + cos * ahead) for right, ahead in corners]
    return np.array(turned)


def outside(bases: Array, others: Array) -> Array:
    """Metres by which footprints lie wholly beyond the edges of others, [M, N, 4].

    Element [i, j, e] is that of footprint j of `others` [N, 4, 2] and edge e of footprint i of `bases` [M, 4,
    2].
    """
    normals = _edge_normals(bases)
    reach = np.einsum("mek,nck->mnec", normals, others).min(axis=-1)
    found: Array = reach - (normals * bases).sum(-1)[:, None]
    return found


def _edge_normals(corners: Array) -> Array:
    """Unit normals, outward, of the edges of footprints [N, 4, 2]."""
    edges = corners[:, [1, 2, 3, 0]] - corners
    found: Array = edges[..., ::-1] * (1.0, -1.0) / np.hypot(edges[..., :1], edges[..., 1:])
    return found


def painters_order(corners: Array, eye: Array) -> list[int]:
    """Order, far to near, in which things on footprints [N, 4, 2] that do not overlap must be drawn.

    Of two things, an edge of one has the other wholly beyond it; the one on the eye's side of that edge hides
    the other. Distance decides where no edge does, and breaks the rare ring.
    """
    beyond = outside(corners, corners) > -0.05
    eye_beyond = ((_edge_normals(corners) * (eye[:2] - corners)).sum(-1) > 0)[:, None]
    hides = (beyond & ~eye_beyond).any(-1) | (beyond & eye_beyond).any(-1).T
    hides &= ~hides.T  # edges that say both: neither hides the other
    left = np.argsort(-np.linalg.norm(corners.mean(axis=1) - eye[:2], axis=1), kind="stable").tolist()
    order = []
    while left:
        free = next((i for i in left if not hides[i, left].any()), left[0])
        order.append(free)
        left.remove(free)
    return order
