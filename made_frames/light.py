"""Daylight, dusk and night: sky, ambient light, street lamps, headlights and their glare on wet ground."""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from made_frames.backdrop import Backdrop, Floats, shares
from made_frames.geometry import FRAME_PX, HEIGHT_PX, OVERSAMPLING, Array
from made_frames.moment import Moment
from made_frames.scene import Scene
from made_frames.traffic import Actor

DARK_ENOUGH = 0.2  # for lamps to be lit
GLOW = {  # colour, and radius in metres
    "headlight": ((255, 246, 220), 0.24),
    "taillight": ((215, 26, 18), 0.14),
    "front_glow": ((220, 220, 220), 0.08),
    "rear_glow": ((230, 30, 20), 0.08),
}


def _rgb(*parts: float) -> Floats:
    return np.array(parts, dtype=np.float32)


def light_up(scene: Scene, backdrop: Backdrop, moment: Moment) -> Floats:
    """The scene as the lens sees it at its moment, [H, W, 3], 0..255 and above where lights glare."""
    dark, lamps = moment.darkness, moment.darkness > DARK_ENOUGH
    lit: Floats = np.asarray(scene.picture.reduce(OVERSAMPLING), dtype=np.float32)
    bare = np.asarray(scene.ids.resize(FRAME_PX, Image.Resampling.NEAREST))[..., None] == 0
    sky = _sky(moment)
    warm = math.exp(-4 * max(moment.sun[2], 0.0)) * (1 - moment.cloud)
    tint = _rgb(1 + 0.08 * warm, 1.0, 1 - 0.16 * warm)
    level = tint * ((1.06 - 0.2 * moment.cloud) * (1 - dark)) + 0.09 * dark
    if dark:
        level = level + backdrop.pools * (0.8 * dark * _rgb(*scene.site.street_light))
    if lamps:
        level += 0.5 * dark * bare * _beams(scene)
    lit *= level
    if moment.wet:
        lit += bare * backdrop.ground * moment.wet * (backdrop.far * sky[-1] * 0.4 - 0.3 * lit)
    if dark:
        lit += bare * backdrop.windows * (190 * dark)
    high = slice(0, backdrop.far_rows)
    lit[high] += backdrop.far[high] * moment.haze * (sky[-1] - lit[high])
    lit[high] += backdrop.sky[high] * bare[high] * (sky[high] - lit[high])
    if lamps:
        lit += dark * _glare(scene, moment.wet)
    return lit


def _sky(moment: Moment) -> Floats:
    """Colour of the sky by row, [H, 1, 3]."""
    fall = np.linspace(0, 1, HEIGHT_PX, dtype=np.float32)[:, None, None] ** 0.5
    dusk = 0.6 * math.exp(-((moment.sun[2] / 0.12) ** 2)) * (1 - 0.8 * moment.cloud)
    clear = _rgb(120, 164, 214) * (1 - fall) + _rgb(206, 218, 230) * fall
    day = clear * (1 - moment.cloud) + _rgb(206, 208, 210) * moment.cloud
    day = day * (1 - dusk) + _rgb(240, 160, 110) * dusk
    night = _rgb(20, 20, 30) + fall * _rgb(34, 24, 16)
    return (day + (night - day) * moment.darkness).astype(np.float32)


def _beams(scene: Scene) -> Floats:
    """Headlights on the ground before each vehicle, [H, W, 1] 0..1."""
    picture = Image.new("L", FRAME_PX)
    pen = ImageDraw.Draw(picture)
    for actor in scene.actors:
        if any(lamp.material == "headlight" for lamp in actor.model.lamps):
            nose = actor.model.length_m / 2
            near = nose + 0.3
            far = nose + 9
            beam = np.array([(-0.6, near, 0), (-2.2, far, 0), (2.2, far, 0), (0.6, near, 0)])
            outline = scene.camera.outline(beam @ actor.axes + actor.place, 1 / OVERSAMPLING)
            if outline:
                pen.polygon(outline, fill=190)
    return shares(picture.filter(ImageFilter.BoxBlur(5)))[..., None]


def _glare(scene: Scene, wet: float) -> Floats:
    """Lamps, their bloom and their streaks on wet ground, [H, W, 3], 0..255 and above."""
    spots, streaks = Image.new("RGB", FRAME_PX), Image.new("RGB", FRAME_PX)
    pen, streak_pen = ImageDraw.Draw(spots), ImageDraw.Draw(streaks)
    red, green, blue = (int(255 * part) for part in scene.site.street_light)
    posts = np.array([(x - math.copysign(1.8, x), y, 8.3) for x, y in scene.site.posts])
    for pixel, depth in zip(*scene.camera.project(posts), strict=True):
        if depth > 4:
            _spot(pen, pixel, 0.3 * scene.camera.focal_px / depth, (red, green, blue))
    for number, actor in enumerate(scene.actors, start=1):
        for material, place, foot, scale in _lamps(scene, actor, number):
            colour, radius = GLOW[material]
            _spot(pen, place, radius * scale, colour)
            for k in range(5 if wet > 0.1 else 0):
                red, green, blue = (int(part * wet * (1 - k / 5)) for part in colour)
                _spot(streak_pen, foot + np.array([0, k * 0.45 * scale]), 0.2 * scale, (red, green, blue))
    near = np.asarray(spots.filter(ImageFilter.BoxBlur(1)), dtype=np.float32)
    bloom = spots.reduce(4).filter(ImageFilter.GaussianBlur(1.4)).resize(FRAME_PX, Image.Resampling.BICUBIC)
    glare: Floats = near * 1.3 + np.asarray(bloom, dtype=np.float32) * 1.4
    if wet > 0.1:
        glare += 0.5 * np.asarray(streaks.filter(ImageFilter.BoxBlur(2)), dtype=np.float32)
    return glare


def _lamps(scene: Scene, actor: Actor, number: int) -> list[tuple[str, Array, Array, float]]:
    """Lamps of an actor that face the camera and are not hidden.

    For each lamp: material, its pixel, the pixel of the ground below it, and pixels a metre.
    """
    lamps = actor.model.lamps
    if not lamps:
        return []
    places = np.array([lamp.place for lamp in lamps]) @ actor.axes + actor.place
    pixels, depths = scene.camera.project(np.concatenate([places, places * (1, 1, 0)]))
    ahead = (scene.camera.eye - places) @ actor.axes[1] > 0
    found = []
    for k, lamp in enumerate(lamps):
        u, v = pixels[k]
        inside = 0 <= u < scene.ids.width and 0 <= v < scene.ids.height
        if ahead[k] == lamp.forward and inside and scene.ids.getpixel((int(u), int(v))) in (number, 0):
            scale = scene.camera.focal_px / depths[k]
            found.append((lamp.material, pixels[k], pixels[k + len(lamps)], float(scale)))
    return found


def _spot(pen: ImageDraw.ImageDraw, pixel: Array, radius_px: float, colour: tuple[int, int, int]) -> None:
    """A disc at a pixel of the drawing, on a picture of frame size."""
    (x, y), size = (pixel / OVERSAMPLING).tolist(), max(0.6, radius_px / OVERSAMPLING)
    pen.ellipse((x - size, y - size, x + size, y + size), fill=colour)
