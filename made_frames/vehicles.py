"""Shapes of cars, buses and goods vehicles, after the measures of ordinary ones."""

from collections.abc import Sequence
from functools import cache

from made_frames.solids import Face, Lamp, Model, across, box, disc, extrude, flanks

SIDES = (1, -1)
CARS = {  # length, width, height of the bonnet, height, reach of the windscreen, reach of the boot
    "hatch": (4.0, 1.76, 0.94, 1.48, 0.75, 0.15),
    "saloon": (4.6, 1.82, 0.92, 1.44, 0.9, 0.75),
    "estate": (4.6, 1.88, 1.04, 1.68, 0.8, 0.1),
    "cab": (4.58, 1.80, 1.06, 1.80, 0.55, 0.12),
}


def _wheels(half_width: float, axles: Sequence[float], radius: float) -> list[Face]:
    """The outer flanks only: the vehicle hides the rest."""
    found = []
    for size, material, layer in ((radius, "tyre", 0.6), (radius * 0.55, "hub", 0.65)):
        for axle in axles:
            for side in SIDES:
                wheel = disc((side * half_width, axle, radius), size, material, 0.02, layer)
                found.append(wheel[-2 if side > 0 else -1])
    return found


def _lights(half_width: float, front: float, low: float, size: float = 0.2) -> list[Face]:
    """Head and tail lights and number plates of a vehicle that ends at y = -`front`."""
    edge, inner = half_width - 0.06, half_width - 0.06 - 1.8 * size
    found = []
    ends = ((front + 0.02, "headlight", "plate_front"), (-front - 0.02, "taillight", "plate_rear"))
    for y, light, plate in ends:
        for span in ((-edge, -inner), (inner, edge)):
            found.append(across(y, span, (low, low + size * 0.8), light, 0.7))
        found.append(across(y, (-0.26, 0.26), (low - 0.22, low - 0.1), plate, 0.7))
    return found


def _lamps(half_width: float, front: float, height: float) -> list[Lamp]:
    places = [(side * (half_width - 0.25), front + 0.05, height) for side in SIDES]
    heads = [Lamp(place, True, "headlight") for place in places]
    return heads + [Lamp((x, -y, z), False, "taillight") for x, y, z in places]


@cache
def car(style: str) -> Model:
    """A car of one of the `CARS`."""
    length, width, bonnet, height, screen, boot = CARS[style]
    front, rear, half, top = length / 2, -length / 2, width / 2, width / 2 - 0.2
    base, low = front - 1.15, bonnet - 0.16
    nose = [(front, 0.28), (front + 0.02, 0.68), (front - 0.12, low), (base, bonnet)]
    body = [*nose, (rear, bonnet), (rear, 0.3)]
    faces = extrude(body, [half - 0.05, half, half - 0.04, half, half - 0.03, half], ["paint"] * 6)
    roof_front, roof_rear = base - screen, rear + 0.35 + boot * 0.6
    cabin = [(base, bonnet), (roof_front, height), (roof_rear, height), (rear + boot, bonnet)]
    faces += extrude(cabin, [half - 0.06, top, top, half - 0.08], ["glass", "roof", "glass", "glass"], 1)
    post = (roof_front + roof_rear) / 2
    pillar = [(post + 0.14, bonnet), (post + 0.14, height), (post, height), (post, bonnet)]
    faces += extrude(pillar, [half - 0.05, top + 0.01, top + 0.01, half - 0.05], ["roof"] * 4, 1.1)[-2:]
    faces += _wheels(half, (front - 0.8, rear + 0.8), 0.33) + _lights(half, front, bonnet - 0.34)
    faces.append(across(front + 0.025, (0.5 - half, half - 0.5), (0.42, bonnet - 0.3), "grille", 0.7))
    if style == "cab":
        faces += box((-0.3, 0.3), (roof_front - 0.3, roof_front - 0.1), (height, height + 0.16), "sign", 2)
    return Model(style, (width, length, height), faces, _lamps(half, front, bonnet - 0.28))


@cache
def bus(style: str) -> Model:
    """A `double` decker of two rows of windows, or a `single` decker."""
    double = style == "double"
    half, front, rear, height = 1.26, 5.3, -5.3, 4.38 if double else 2.95
    faces = box((-half, half), (rear, front), (0.3, height), "paint", top="roof")
    for low, high in ((1.25, 2.15), (2.85, 3.75)) if double else ((1.2, 2.25),):
        for start in (rear + 0.4 + 1.62 * k for k in range(6)):
            faces += flanks(half + 0.01, (start, start + 1.42), (low, high), "glass", 0.5)
        if low > 2 or not double:
            faces.append(across(rear - 0.02, (0.2 - half, half - 0.2), (low, high), "glass", 0.5))
        faces.append(across(front + 0.02, (0.08 - half, half - 0.08), (low - 0.2, high), "glass", 0.5))
    faces += flanks(half + 0.02, (rear + 2.4, front - 3.0), (2.22, 2.75), "advert", 0.6)
    faces.append(across(front + 0.03, (-0.8, 0.8), (2.28, 2.7), "board", 0.6))
    faces.append(across(rear - 0.03, (-0.35, 0.35), (2.35, 2.65), "board", 0.6))
    faces.append(across(rear - 0.02, (0.1 - half, half - 0.1), (0.45, 1.05), "engine", 0.5))
    faces += _wheels(half, (front - 2.5, rear + 2.6), 0.48) + _lights(half, front, 0.62, 0.28)
    return Model(style, (2.55, front - rear, height), faces, _lamps(half, front, 0.75))


@cache
def truck(style: str) -> Model:
    """A goods vehicle: `van` (panel van), `lorry` (box body) or `tipper` (open body)."""
    return _van() if style == "van" else _lorry(style)


def _van() -> Model:
    half, front, rear, height = 1.0, 2.75, -2.75, 2.45
    nose = [(front, 0.32), (front, 0.95), (front - 0.75, 1.28), (front - 1.45, 2.2), (front - 1.8, height)]
    widths = [half, half, half - 0.03, half - 0.1, half - 0.12, half - 0.1, half]
    strips = ["paint", "paint", "glass", "paint", "roof", "paint", "paint"]
    faces = extrude([*nose, (rear, height), (rear, 0.35)], widths, strips)
    faces += flanks(half - 0.02, (front - 2.35, front - 1.3), (1.32, 2.05), "glass", 0.5)
    faces += flanks(half + 0.01, (rear + 0.1, front - 0.4), (0.62, 0.72), "trim", 0.5)
    for span in ((-0.75, -0.08), (0.08, 0.75)):
        faces.append(across(rear - 0.02, span, (1.5, 2.1), "glass", 0.5))
    faces.append(across(rear - 0.02, (-0.02, 0.02), (0.5, 2.3), "trim", 0.6))
    faces.append(across(front + 0.02, (-0.55, 0.55), (0.5, 0.8), "grille", 0.5))
    faces += _wheels(half, (front - 0.95, rear + 1.1), 0.36) + _lights(half, front, 0.75)
    return Model("van", (2.02, 5.5, height), faces, _lamps(half, front, 0.8))


def _lorry(style: str) -> Model:
    half, front, rear, height = 1.22, 4.1, -4.1, 3.5 if style == "lorry" else 2.5
    faces = box((0.1 - half, half - 0.1), (rear, front - 0.3), (0.55, 0.95), "chassis")
    faces += box((-half, half), (rear, front - 2.1), (0.95, height), "load", 1)
    if style == "tipper":
        inside = (0.12 - half, half - 0.12)
        faces += box(inside, (rear + 0.12, front - 2.25), (height, height + 0.01), "rubble", 1.3)
    back = front - 1.8
    cab = [(front, 0.45), (front, 1.5), (front - 0.12, 2.55), (front - 0.4, 2.75), (back, 2.75), (back, 0.6)]
    faces += extrude(cab, [half - 0.05] * 6, ["paint", "glass", "paint", "roof", "paint", "paint"], 1)
    faces += flanks(half - 0.03, (front - 1.2, front - 0.2), (1.5, 2.35), "glass", 1.2)
    faces += flanks(half + 0.02, (rear + 0.4, front - 2.5), (1.6, 2.2), "stripe", 1.2)
    faces.append(across(front + 0.03, (-0.8, 0.8), (0.75, 1.35), "grille", 1.2))
    faces.append(across(rear - 0.02, (-0.04, 0.04), (0.95, height), "trim", 1.2))
    faces.append(across(rear - 0.03, (-half, half), (0.6, 0.9), "bumper", 1.2))
    faces += _wheels(half, (front - 1.2, rear + 1.4, rear + 2.5), 0.48) + _lights(half, front, 0.7, 0.25)
    return Model(style, (2.5, 8.2, max(height, 2.75)), faces, _lamps(half, front, 0.8))
