"""Colours: what vehicles are painted in, what people wear, and the materials common to all."""

from collections.abc import Mapping
from random import Random

from harness.sample.solids import Model

Colour = tuple[int, int, int]

FIXED: Mapping[str, Colour] = {
    "tyre": (26, 26, 27),
    "hub": (112, 114, 116),
    "trim": (48, 48, 50),
    "glass": (44, 52, 60),
    "rear_window": (40, 46, 54),
    "grille": (30, 30, 32),
    "chassis": (44, 44, 46),
    "bumper": (120, 60, 50),
    "engine": (120, 22, 22),
    "board": (24, 22, 18),
    "headlight": (232, 232, 222),
    "taillight": (176, 22, 22),
    "plate_front": (230, 230, 226),
    "plate_rear": (222, 196, 60),
    "sign": (236, 160, 50),
    "spokes": (112, 112, 112),
    "visor": (40, 44, 52),
    "rubble": (116, 98, 76),
    "bag": (70, 58, 48),
}
CARS: tuple[Colour, ...] = (
    (196, 198, 200), (150, 153, 156), (104, 107, 110), (40, 41, 44), (58, 60, 64), (228, 228, 226), (214, 214, 210),
    (36, 54, 104), (62, 92, 140), (134, 28, 32), (164, 36, 34), (40, 70, 56), (140, 124, 96), (92, 30, 50), (200, 120, 40),
)  # fmt: skip
COATS: tuple[Colour, ...] = (
    (30, 32, 40), (44, 46, 60), (60, 56, 54), (96, 92, 88), (120, 36, 40), (44, 72, 116), (180, 176, 170), (74, 82, 60),
    (150, 110, 80), (28, 28, 30), (200, 196, 190), (110, 60, 100),
)  # fmt: skip
HIGH_VIS: tuple[Colour, ...] = ((206, 232, 50), (250, 130, 40), (190, 226, 70))
HELMETS: tuple[Colour, ...] = ((30, 30, 32), (226, 226, 224), (60, 60, 66), (170, 30, 34), (40, 70, 140))
LOADS: tuple[Colour, ...] = ((224, 224, 220), (206, 208, 210), (60, 90, 140), (40, 110, 80), (170, 60, 44), (196, 176, 60), (120, 124, 130))
SKINS: tuple[Colour, ...] = ((222, 176, 150), (204, 158, 130), (150, 104, 78), (96, 66, 50))
HAIRS: tuple[Colour, ...] = ((34, 28, 24), (70, 48, 32), (120, 90, 56), (20, 20, 20), (150, 146, 140))


def paints(rng: Random, name: str, model: Model) -> dict[str, Colour]:
    """Colour of every material of one actor of class `name`."""
    chosen = dict(FIXED)
    if name in ("person", "bicycle", "motorbike"):
        chosen.update(_clothes(rng, name))
    else:
        chosen["paint"] = chosen["roof"] = _body(rng, name, model)
        chosen["load"] = chosen["load_top"] = _varied(rng, rng.choice(LOADS), 12)
        chosen["stripe"] = _varied(rng, rng.choice(LOADS), 20)
        chosen["advert"] = _varied(rng, rng.choice(CARS), 30)
    if name == "bus":
        chosen["roof"] = (216, 214, 210) if rng.random() < 0.7 else chosen["paint"]
        chosen["board"] = (230, 150, 40) if rng.random() < 0.6 else FIXED["board"]
    return chosen


def _body(rng: Random, name: str, model: Model) -> Colour:
    if name == "bus":
        return _varied(rng, (186, 28, 32), 12)
    if name == "car":
        return _varied(rng, (22, 22, 24), 6) if model.name == "cab" else _varied(rng, rng.choice(CARS), 14)
    if model.name == "van":
        return _varied(rng, rng.choice(((232, 232, 230),) * 5 + ((150, 152, 156), (52, 54, 60), (44, 64, 110), (190, 60, 40))), 8)
    return _varied(rng, rng.choice(CARS), 14)


def _clothes(rng: Random, name: str) -> dict[str, Colour]:
    bright = rng.random() < {"person": 0.06, "bicycle": 0.45, "motorbike": 0.12}[name]
    return {
        "coat": _varied(rng, rng.choice(HIGH_VIS if bright else COATS[:6] if name == "motorbike" else COATS), 14),
        "trousers": _varied(rng, rng.choice(((30, 32, 40), (40, 50, 76), (60, 58, 56), (120, 112, 96))), 10),
        "skin": rng.choice(SKINS),
        "hair": rng.choice(HAIRS),
        "helmet": rng.choice(HELMETS),
        "frame": _varied(rng, rng.choice(CARS), 20),
        "paint": _varied(rng, rng.choice(((30, 30, 34), (150, 26, 28), (36, 60, 120), (210, 210, 206), (60, 62, 66))), 10),
        "case": rng.choice(((0, 170, 160), (30, 30, 30), (40, 120, 60), (200, 60, 40), (230, 230, 226))),
    }


def _varied(rng: Random, colour: Colour, by: int) -> Colour:
    shift = rng.randint(-by, by)
    red, green, blue = (min(250, max(8, part + shift + rng.randint(-by // 3, by // 3))) for part in colour)
    return red, green, blue
