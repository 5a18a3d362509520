"""Shapes of people: on foot, on bicycles and on motorbikes."""

import math
from functools import cache

from made_frames.solids import Face, Lamp, Model, Span, across, box, disc, extrude, limb

STEPS_M = {"stands": 0.0, "strolls": 0.16, "walks": 0.28, "strides": -0.24}  # half a stride


def _head(y: float, z: float, radius: float, face: str, hair: str) -> list[Face]:
    """A head with centre (y, z); materials of the face in front, and of hair or helmet."""
    turns = [2 * math.pi * k / 8 - 0.4 for k in range(9)]
    rim = [(y + radius * math.cos(turn), z + radius * 1.2 * math.sin(turn)) for turn in turns]
    return extrude(rim, [radius * 0.8] * 9, [face] * 2 + [hair] * 7, 3)


@cache
def pedestrian(style: str) -> Model:
    """A person of 1.74 m who stands or walks; some carry a bag."""
    step = STEPS_M[style]
    faces = _head(0.02, 1.6, 0.11, "skin", "hair")
    for side in (-1, 1):
        faces += limb(side * 0.1, (-side * step, 0.04), (0, 0.86), 0.17, "trousers", 0)
        faces += limb(side * 0.27, (side * step * 0.8, 0.82), (0, 1.4), 0.11, "coat", 0.5)
    chest = [(0.13, 0.8), (0.14, 1.3), (0.06, 1.47), (-0.1, 1.47), (-0.14, 1.2), (-0.13, 0.8)]
    faces += extrude(chest, [0.19, 0.23, 0.17, 0.17, 0.23, 0.19], ["coat"] * 6, 1)
    if style == "walks":
        faces += box((0.26, 0.36), (-0.15, 0.15), (0.55, 0.85), "bag", 1.5)
    return Model(style, (0.6, 0.5, 1.74), faces)


def _rider(hips: Span, shoulders: Span, hands: Span, feet: Span) -> list[Face]:
    """Legs, bent back and arms of somebody who sits; points are (y, z)."""
    knee = (hips[0] + 0.32, (hips[1] + feet[1]) / 2 + 0.15)
    (y0, z0), (y1, z1) = hips, shoulders
    back = [(y0 + 0.14, z0), (y1 + 0.12, z1 - 0.1), (y1, z1), (y1 - 0.14, z1 - 0.05), (y0 - 0.14, z0)]
    faces = extrude(back, [0.18, 0.22, 0.19, 0.2, 0.18], ["coat"] * 5, 2)
    for side in (-1, 1):
        faces += limb(side * 0.13, feet, knee, 0.13, "trousers", 1)
        faces += limb(side * 0.13, knee, hips, 0.16, "trousers", 1)
        faces += limb(side * 0.24, hands, (y1, z1 - 0.08), 0.1, "coat", 2.5)
    return faces


@cache
def bicycle(style: str) -> Model:
    """A cyclist: bent over a `racer`, or upright on a `city` bicycle."""
    faces = box((-0.25, 0.25), (0.4, 0.46), (0.96, 1.0), "frame", 2.8)
    for y in (-0.52, 0.52):
        faces += disc((0, y, 0.35), 0.35, "tyre", 0.03, 0) + disc((0, y, 0.35), 0.27, "spokes", 0.035, 0.1)
    crank, seat, stem = (-0.1, 0.35), (-0.2, 0.85), (0.42, 0.85)
    rear_hub, front_hub = (-0.52, 0.35), (0.52, 0.35)
    tubes = ((rear_hub, seat), (crank, seat), (seat, stem), (crank, stem), (stem, front_hub))
    for start, end in tubes:
        faces += limb(0, start, end, 0.06, "frame", 0.5)
    shoulders = (0.22, 1.36) if style == "racer" else (0.0, 1.5)
    faces += _rider((-0.22, 0.93), shoulders, (0.43, 1.0), (0.02, 0.25))
    faces += _head(shoulders[0] + 0.1, shoulders[1] + 0.14, 0.13, "skin", "helmet")
    lamps = (Lamp((0, 0.5, 0.95), True, "front_glow"), Lamp((0, -0.6, 0.8), False, "rear_glow"))
    return Model(style, (0.6, 1.75, 1.75), faces, lamps)


@cache
def motorbike(style: str) -> Model:
    """A rider on a full `bike`, on a `scooter`, or on a scooter with a box for `delivery`."""
    radius, axle = (0.33, 0.72) if style == "bike" else (0.25, 0.62)
    nose = [(axle + 0.05, 0.45), (axle, 0.75), (0.42, 1.08), (0.12, 0.95)]
    tail = [(-0.2, 0.78), (-0.9, 0.85), (-0.75, 0.5), (-0.2, 0.25), (0.3, 0.25)]
    strips = ["paint", "paint", "glass", "trim", "trim", "paint", "trim", "trim", "paint"]
    faces = extrude([*nose, *tail], [0.14, 0.24, 0.22, 0.24, 0.2, 0.14, 0.16, 0.22, 0.2], strips, 0.5)
    for y in (-axle, axle):
        faces += disc((0, y, radius), radius, "tyre", 0.09, 0)
    if style != "bike":
        faces += box((-0.28, 0.28), (0.42, 0.52), (0.3, 1.0), "paint", 0.6)
    if style == "delivery":
        faces += box((-0.26, 0.26), (-1.05, -0.5), (0.9, 1.4), "case", 2.2)
    faces += box((-0.38, 0.38), (0.36, 0.44), (1.0, 1.07), "trim", 1.5)
    faces.append(across(axle + 0.07, (-0.12, 0.12), (0.68, 0.86), "headlight", 1.6))
    faces.append(across(-0.92, (-0.12, 0.12), (0.68, 0.84), "taillight", 1.6))
    faces += _rider((-0.28, 0.84), (-0.1, 1.42), (0.38, 1.06), (0.12, 0.3))
    faces += _head(-0.02, 1.6, 0.17, "visor", "helmet")
    lamps = (Lamp((0, axle + 0.1, 0.78), True, "headlight"), Lamp((0, -0.95, 0.76), False, "taillight"))
    return Model(style, (0.78, 2 * (axle + radius), 1.8), faces, lamps)
