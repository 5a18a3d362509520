"""Shapes of people: on foot, on bicycles and on motorbikes."""

import math
from functools import cache

from harness.sample.solids import Face, Lamp, Model, across, box, disc, extrude

GAITS = 4


def _limb(x: float, start: tuple[float, float], end: tuple[float, float], thick: float, material: str, layer: float) -> list[Face]:
    """A leg or arm between two points (y, z) in an upright plane at `x`."""
    (y0, z0), (y1, z1) = start, end
    length = math.hypot(y1 - y0, z1 - z0) or 1.0
    side_y, side_z = (z1 - z0) / length * thick / 2, -(y1 - y0) / length * thick / 2
    profile = [(y0 + side_y, z0 + side_z), (y1 + side_y, z1 + side_z), (y1 - side_y, z1 - side_z), (y0 - side_y, z0 - side_z)]
    return extrude([*profile, profile[0]], [thick / 2] * 5, [material] * 4, material, layer=layer, x=x)


def _head(y: float, z: float, radius: float, materials: tuple[str, str]) -> list[Face]:
    """A head with centre (y, z); materials of the face in front, and of hair or helmet."""
    turns = [2 * math.pi * k / 8 for k in range(9)]
    rim = [(y + radius * math.cos(turn - 0.4), z + radius * 1.2 * math.sin(turn - 0.4)) for turn in turns]
    face, hair = materials
    return extrude(rim, [radius * 0.8] * 9, [face, face, *[hair] * 6], hair, layer=3)


@cache
def pedestrian(gait: int) -> Model:
    """A person of 1.72 m in mid-step; `gait` 0 stands, 1 to `GAITS` - 1 walk."""
    step = (0.0, 0.16, 0.28, -0.24)[gait]
    faces = _limb(-0.1, (step, 0.04), (0, 0.86), 0.17, "trousers", 0) + _limb(0.1, (-step, 0.04), (0, 0.86), 0.17, "trousers", 0)
    chest = [(0.13, 0.8), (0.14, 1.3), (0.06, 1.47), (-0.1, 1.47), (-0.14, 1.2), (-0.13, 0.8)]
    faces += extrude(chest, [0.19, 0.23, 0.17, 0.17, 0.23, 0.19], ["coat"] * 5, "coat", layer=1)
    for x, swing in ((-0.27, -step), (0.27, step)):
        faces += _limb(x, (swing * 0.8, 0.82), (0, 1.4), 0.11, "coat", 0.5)
    faces += _head(0.02, 1.6, 0.11, ("skin", "hair"))
    if gait == 2:
        faces += box((0.28, 0.42), (-0.15, 0.15), (0.55, 0.85), "bag", layer=1.5)
    return Model(name="pedestrian", faces=tuple(faces), width_m=0.5, length_m=0.5, height_m=1.74)


def _rider(hips: tuple[float, float], shoulders: tuple[float, float], hands: tuple[float, float], feet: tuple[float, float]) -> list[Face]:
    """Legs, bent back and arms of somebody who sits; points are (y, z)."""
    knee = (hips[0] + 0.32, (hips[1] + feet[1]) / 2 + 0.15)
    faces = []
    for x in (-0.13, 0.13):
        faces += _limb(x, feet, knee, 0.13, "trousers", 1) + _limb(x, knee, hips, 0.16, "trousers", 1)
    (y0, z0), (y1, z1) = hips, shoulders
    back = [(y0 + 0.14, z0), (y1 + 0.12, z1 - 0.1), (y1, z1), (y1 - 0.14, z1 - 0.05), (y0 - 0.14, z0)]
    faces += extrude(back, [0.18, 0.22, 0.19, 0.2, 0.18], ["coat"] * 4, "coat", layer=2)
    for x in (-0.24, 0.24):
        faces += _limb(x, hands, (y1, z1 - 0.08), 0.1, "coat", 2.5)
    return faces


@cache
def bicycle(style: str) -> Model:
    """A cyclist: bent over a `racer`, or upright on a `city` bicycle."""
    radius, axle = 0.35, 0.52
    faces = []
    for y in (-axle, axle):
        faces += disc(0, y, radius, "tyre", half_width=0.03, layer=0, corners=12)
        rim = disc(0, y, radius - 0.08, "spokes", half_width=0.035, layer=0.1, corners=10)
        faces += [_raised(face, 0.08) for face in rim]
    for start, end in (((-axle, 0.35), (-0.2, 0.85)), ((-0.2, 0.8), (0.42, 0.85)), ((-0.1, 0.35), (0.42, 0.8)), ((0.42, 0.95), (axle, 0.35))):
        faces += _limb(0, start, end, 0.06, "frame", 0.5)
    faces += box((-0.25, 0.25), (0.4, 0.46), (0.96, 1.0), "frame", layer=2.8)
    shoulders = (0.22, 1.36) if style == "racer" else (0.0, 1.5)
    faces += _rider((-0.22, 0.93), shoulders, (0.43, 1.0), (0.02, 0.25))
    faces += _head(shoulders[0] + 0.1, shoulders[1] + 0.14, 0.13, ("skin", "helmet"))
    lamps = (Lamp(place=(0, 0.5, 0.95), forward=True, material="small"), Lamp(place=(0, -0.6, 0.8), forward=False, material="small_rear"))
    return Model(name=style, faces=tuple(faces), width_m=0.6, length_m=1.75, height_m=1.75, lamps=lamps)


def _raised(face: Face, by: float) -> Face:
    return Face(corners=tuple((x, y, z + by) for x, y, z in face.corners), material=face.material, layer=face.layer)


@cache
def motorbike(style: str) -> Model:
    """A rider on a full `bike`, or on a `scooter`, or on a scooter with a box for `delivery`."""
    bike = style == "bike"
    radius, axle = (0.33, 0.72) if bike else (0.25, 0.62)
    faces = [face for y in (-axle, axle) for face in disc(0, y, radius, "tyre", half_width=0.09, layer=0, corners=10)]
    fairing = [(axle + 0.05, 0.45), (axle, 0.75), (0.42, 1.08), (0.12, 0.95), (-0.2, 0.78), (-0.9, 0.85), (-0.75, 0.5), (-0.2, 0.25), (0.3, 0.25)]
    widths = [0.14, 0.24, 0.22, 0.24, 0.2, 0.14, 0.16, 0.22, 0.2]
    faces += extrude(fairing, widths, ["paint", "paint", "glass", "trim", "trim", "paint", "trim", "trim"], "paint", layer=0.5)
    if not bike:
        shield = [(0.55, 0.3), (0.48, 1.0), (0.4, 1.0), (0.42, 0.3)]
        faces += extrude(shield, [0.26, 0.3, 0.3, 0.26], ["paint"] * 3, "paint", layer=0.6)
    faces += box((-0.38, 0.38), (0.36, 0.44), (1.0, 1.07), "trim", layer=1.5)
    faces.append(across(axle + 0.07, (-0.12, 0.12), (0.68, 0.86), "headlight", layer=1.6))
    faces.append(across(-0.92, (-0.12, 0.12), (0.68, 0.84), "taillight", layer=1.6))
    faces += _rider((-0.28, 0.84), (-0.1, 1.42), (0.38, 1.06), (0.12, 0.3))
    faces += _head(-0.02, 1.6, 0.17, ("visor", "helmet"))
    if style == "delivery":
        faces += box((-0.26, 0.26), (-1.05, -0.5), (0.9, 1.4), "case", layer=2.2)
    lamps = (Lamp(place=(0, axle + 0.1, 0.78), forward=True, material="headlight"), Lamp(place=(0, -0.95, 0.76), forward=False, material="taillight"))
    return Model(name=style, faces=tuple(faces), width_m=0.78, length_m=2.1, height_m=1.8, lamps=lamps)
