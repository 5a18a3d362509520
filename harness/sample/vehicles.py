"""Shapes of cars, buses and goods vehicles, after the measures of ordinary ones."""

from functools import cache

from harness.sample.solids import Face, Lamp, Model, across, box, extrude, flank, hub, panel


def _wheels(half_width: float, axles: tuple[float, ...], radius: float) -> list[Face]:
    parts = ((radius, "tyre", 0.6), (radius * 0.55, "hub", 0.65))
    sides = [(x, axle) for axle in axles for x in (-half_width, half_width)]
    return [
        _lifted(hub(x, axle, size, material, layer=layer), radius - size) for x, axle in sides for size, material, layer in parts
    ]


def _lifted(face: Face, by: float) -> Face:
    return Face(corners=tuple((x, y, z + by) for x, y, z in face.corners), material=face.material, layer=face.layer)


def _lights(half_width: float, front: float, rear: float, low: float, *, size: float = 0.2) -> list[Face]:
    """Head and tail lights, number plates."""
    edge, high = half_width - 0.06, low + size * 0.8
    faces = [
        across(y, span, (low, high), material, layer=0.7)
        for y, material in ((front + 0.02, "headlight"), (rear - 0.02, "taillight"))
        for span in ((-edge, -edge + 1.8 * size), (edge - 1.8 * size, edge))
    ]
    plates = ((front + 0.02, "plate_front"), (rear - 0.02, "plate_rear"))
    return faces + [across(y, (-0.26, 0.26), (low - 0.22, low - 0.1), name, layer=0.7) for y, name in plates]


def _lamps(half_width: float, front: float, rear: float, height: float) -> tuple[Lamp, ...]:
    edge = half_width - 0.25
    heads = [Lamp(place=(x, front + 0.05, height), forward=True, material="headlight") for x in (-edge, edge)]
    tails = [Lamp(place=(x, rear - 0.05, height), forward=False, material="taillight") for x in (-edge, edge)]
    return (*heads, *tails)


@cache
def car(style: str) -> Model:
    """A `hatch`, `saloon`, `estate` (or off-roader) or a London `cab`."""
    length, width, bonnet, height, screen, tail = {
        "hatch": (4.0, 1.76, 0.94, 1.48, 0.75, 0.15),
        "saloon": (4.6, 1.82, 0.92, 1.44, 0.9, 0.75),
        "estate": (4.6, 1.88, 1.04, 1.68, 0.8, 0.1),
        "cab": (4.58, 1.80, 1.06, 1.80, 0.55, 0.12),
    }[style]
    front, rear, half = length / 2, -length / 2, width / 2
    base = front - 1.15
    body = [(front, 0.28), (front + 0.02, 0.68), (front - 0.12, bonnet - 0.16), (base, bonnet), (rear, bonnet), (rear, 0.3)]
    faces = extrude(body, [half - 0.05, half, half - 0.04, half, half - 0.03, half], ["paint"] * 3 + ["paint", "paint"], "paint")
    roof_front, roof_rear = base - screen, rear + 0.35 + tail * 0.6
    top = half - 0.2
    cabin = [(base, bonnet), (roof_front, height), (roof_rear, height), (rear + tail, bonnet)]
    faces += extrude(cabin, [half - 0.06, top, top, half - 0.08], ["glass", "roof", "glass"], "glass", layer=1)
    for side in (-1, 1):
        post = (roof_front + roof_rear) / 2
        low, high = (half - 0.05) * side, (top + 0.01) * side
        pillar = [(low, post, bonnet), (low, post + 0.14, bonnet), (high, post + 0.14, height), (high, post, height)]
        faces.append(panel(pillar if side > 0 else pillar[::-1], "paint", layer=1.1))
    faces += _wheels(half + 0.02, (front - 0.8, rear + 0.8), 0.33)
    faces += _lights(half, front, rear, bonnet - 0.34)
    faces.append(across(front + 0.025, (-half + 0.5, half - 0.5), (0.42, bonnet - 0.3), "grille", layer=0.7))
    if style == "cab":
        faces += box((-0.3, 0.3), (roof_front - 0.3, roof_front - 0.1), (height, height + 0.16), "sign", layer=2)
    lamps = _lamps(half, front, rear, bonnet - 0.28)
    return Model(name=style, faces=tuple(faces), width_m=width, length_m=length, height_m=height, lamps=lamps)


@cache
def bus(style: str) -> Model:
    """A `double` decker of two rows of windows, or a `single` decker."""
    length, height = (10.6, 4.38) if style == "double" else (10.2, 2.95)
    half, front, rear = 1.26, length / 2, -length / 2
    faces = box((-half, half), (rear, front), (0.3, height), "paint", top="roof")
    bands = [(1.25, 2.15), (2.85, 3.75)] if style == "double" else [(1.2, 2.25)]
    for deck, (low, high) in enumerate(bands):
        for side in (-1, 1):
            for k in range(6):
                start = rear + 0.4 + k * (length - 0.9) / 6
                faces.append(flank(side * (half + 0.01), (start, start + 1.42), (low, high), "glass", layer=0.5))
        if deck or style == "single":
            faces.append(across(rear - 0.02, (-half + 0.2, half - 0.2), (low, high), "glass", layer=0.5))
        faces.append(across(front + 0.02, (-half + 0.08, half - 0.08), (low - (0.25 if not deck else 0), high), "glass", layer=0.5))
    board = 2.25 if style == "double" else 2.35
    faces.append(across(front + 0.03, (-0.8, 0.8), (board, board + 0.42), "board", layer=0.6))
    faces.append(across(rear - 0.03, (-0.35, 0.35), (board + 0.05, board + 0.4), "board", layer=0.6))
    faces.append(flank(-half - 0.02, (front - 1.5, front - 0.4), (0.4, 2.1), "glass", layer=0.6))
    faces.append(flank(half + 0.02, (rear + 2.4, front - 3.0), (2.22, 2.75), "advert", layer=0.6))
    faces.append(across(rear - 0.02, (-half + 0.1, half - 0.1), (0.45, 1.05), "engine", layer=0.5))
    faces += _wheels(half + 0.02, (front - 2.5, rear + 2.6), 0.48) + _lights(half, front, rear, 0.62, size=0.28)
    lamps = _lamps(half, front, rear, 0.75)
    return Model(name=style, faces=tuple(faces), width_m=2.55, length_m=length, height_m=height, lamps=lamps)


@cache
def truck(style: str) -> Model:
    """A goods vehicle: `van` (panel van), `lorry` (box body) or `tipper` (open body)."""
    return _van() if style == "van" else _lorry(style)


def _van() -> Model:
    half, front, rear, height = 1.0, 2.75, -2.75, 2.45
    body = [(front, 0.32), (front, 0.95), (front - 0.75, 1.28), (front - 1.45, 2.2), (front - 1.8, height), (rear, height), (rear, 0.35)]
    widths = [half, half, half - 0.03, half - 0.1, half - 0.12, half - 0.1, half]
    faces = extrude(body, widths, ["paint", "paint", "glass", "paint", "roof", "paint"], "paint")
    for side in (-1, 1):
        window = [(front - 2.35, 1.32), (front - 0.95, 1.3), (front - 1.5, 2.05), (front - 2.35, 2.05)]
        corners = [(side * (half + 0.01 - 0.05 * (z > 1.5)), y, z) for y, z in window]
        faces.append(panel(corners if side > 0 else corners[::-1], "glass", layer=0.5))
        faces.append(flank(side * (half + 0.01), (rear + 0.1, front - 0.4), (0.62, 0.72), "trim", layer=0.5))
    for span in ((-0.75, -0.08), (0.08, 0.75)):
        faces.append(across(rear - 0.02, span, (1.5, 2.1), "rear_window", layer=0.5))
    faces.append(across(rear - 0.02, (-0.02, 0.02), (0.5, 2.3), "trim", layer=0.6))
    faces.append(across(front + 0.02, (-0.55, 0.55), (0.5, 0.8), "grille", layer=0.5))
    faces += _wheels(half + 0.02, (front - 0.95, rear + 1.1), 0.36) + _lights(half, front, rear, 0.75)
    lamps = _lamps(half, front, rear, 0.8)
    return Model(name="van", faces=tuple(faces), width_m=2.02, length_m=5.5, height_m=height, lamps=lamps)


def _lorry(style: str) -> Model:
    half, front, rear = 1.22, 4.1, -4.1
    height = 3.5 if style == "lorry" else 2.5
    faces = box((-half + 0.1, half - 0.1), (rear, front - 0.3), (0.55, 0.95), "chassis")
    faces += box((-half, half), (rear, front - 2.1), (0.95, height), "load", top="load_top", layer=1)
    cab = [(front, 0.45), (front, 1.5), (front - 0.12, 2.55), (front - 0.4, 2.75), (front - 1.8, 2.75), (front - 1.8, 0.6)]
    cabin = extrude(cab, [half - 0.05] * 6, ["paint", "glass", "paint", "roof", "paint"], "paint", layer=1)
    cabin.append(across(front + 0.03, (-0.8, 0.8), (0.75, 1.35), "grille", layer=1.2))
    for side in (-1, 1):
        cabin.append(flank(side * (half - 0.03), (front - 1.2, front - 0.2), (1.5, 2.35), "glass", layer=1.2))
    stripes = [flank(side * (half + 0.02), (rear + 0.4, front - 2.5), (1.6, 2.2), "stripe", layer=1.2) for side in (-1, 1)]
    doors = across(rear - 0.02, (-0.04, 0.04), (0.95, height), "trim", layer=1.2)
    bumper = across(rear - 0.03, (-half, half), (0.6, 0.9), "bumper", layer=1.2)
    if style == "tipper":
        floor = [(-half + 0.12, rear + 0.12), (half - 0.12, rear + 0.12), (half - 0.12, front - 2.25), (-half + 0.12, front - 2.25)]
        stripes = [panel([(x, y, height + 0.01) for x, y in floor], "rubble", layer=1.3)]
    faces += [*cabin, *stripes, doors, bumper, *_wheels(half, (front - 1.2, rear + 1.4, rear + 2.5), 0.48)]
    faces += _lights(half, front, rear, 0.7, size=0.25)
    lamps = _lamps(half, front, rear, 0.8)
    return Model(name=style, faces=tuple(faces), width_m=2.5, length_m=8.2, height_m=height, lamps=lamps)
