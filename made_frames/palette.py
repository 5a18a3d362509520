"""Colours: what vehicles are painted in, what people wear, and the materials common to all."""

from random import Random

Colour = tuple[int, int, int]
BLACK, WHITE, SILVER = (30, 30, 32), (228, 228, 226), (196, 198, 200)
RED, BLUE, GREEN = (150, 30, 32), (40, 62, 118), (40, 92, 64)
GREYS = ((150, 153, 156), (104, 107, 110), (58, 60, 64), (96, 92, 88))
MUTED = ((62, 92, 140), (40, 70, 56), (140, 124, 96), (92, 30, 50))
# fmt: off
FIXED: dict[str, Colour] = {
    "tyre": (26, 26, 27), "hub": (112, 114, 116), "trim": (48, 48, 50), "glass": (44, 52, 60),
    "grille": BLACK, "chassis": (44, 44, 46), "bumper": (120, 60, 50), "engine": (120, 22, 22),
    "board": (24, 22, 18), "headlight": (232, 232, 222), "taillight": (176, 22, 22),
    "plate_front": WHITE, "plate_rear": (222, 196, 60),
    "sign": (236, 160, 50), "spokes": (112, 112, 112), "visor": (40, 44, 52), "rubble": (116, 98, 76),
    "bag": (70, 58, 48),
}
# fmt: on
CARS = (SILVER, SILVER, BLACK, BLACK, WHITE, WHITE, BLUE, RED, *GREYS, *MUTED)
VANS = (*[WHITE] * 5, *GREYS[::2], BLUE, RED)
LOADS = (WHITE, WHITE, SILVER, BLUE, GREEN, (170, 60, 44), (196, 176, 60), (120, 124, 130))
DARK_COATS = (BLACK, BLACK, (44, 46, 60), *GREYS[1:])
COATS = (*DARK_COATS, RED, BLUE, SILVER, (74, 82, 60), (150, 110, 80), (110, 60, 100))
HIGH_VIS = ((206, 232, 50), (250, 130, 40), (190, 226, 70))
CASES = ((0, 170, 160), BLACK, GREEN, RED, WHITE)
SKINS = ((222, 176, 150), (204, 158, 130), (150, 104, 78), (96, 66, 50))
HAIRS = ((34, 28, 24), (70, 48, 32), (120, 90, 56), (150, 146, 140))
TROUSERS = (BLACK, (40, 50, 76), (60, 58, 56), (120, 112, 96))
BODIES = {"double": ((186, 28, 32),), "single": ((186, 28, 32),), "cab": ((20, 20, 22),), "van": VANS}
# Share in reflective coats.
BRIGHT = {"racer": 0.45, "city": 0.45, "bike": 0.12, "scooter": 0.12, "delivery": 0.2}


def paints(rng: Random, shape: str) -> dict[str, Colour]:
    """Colour of every material of one thing of this shape: the name of its model."""
    body = _varied(rng, BODIES.get(shape, CARS))
    pale_roof = shape in ("double", "single") and rng.random() < 0.7
    return FIXED | {
        "paint": body,
        "roof": WHITE if pale_roof else body,
        "load": _varied(rng, LOADS),
        "stripe": _varied(rng, LOADS),
        "advert": _varied(rng, CARS),
        "board": (230, 150, 40) if rng.random() < 0.6 else FIXED["board"],
        "coat": _varied(rng, HIGH_VIS if rng.random() < BRIGHT.get(shape, 0.06) else COATS),
        "trousers": _varied(rng, TROUSERS),
        "skin": rng.choice(SKINS),
        "hair": rng.choice(HAIRS),
        "helmet": rng.choice(CARS),
        "frame": rng.choice(CARS),
        "case": rng.choice(CASES),
    }


def _varied(rng: Random, colours: tuple[Colour, ...]) -> Colour:
    """One of the colours, a little lighter or darker, warmer or colder."""
    shift = rng.randint(-12, 12)
    red, green, blue = (min(245, max(8, part + shift + rng.randint(-5, 5))) for part in rng.choice(colours))
    return red, green, blue
