"""Daylight, dusk and night: sky, ambient light, street lamps, headlights and their glare on wet ground."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from harness.sample.backdrop import Backdrop, Floats
from harness.sample.geometry import HEIGHT_PX, OVERSAMPLING, WIDTH_PX
from harness.sample.moment import Moment
from harness.sample.scene import Scene
from harness.sample.site import Site
from harness.sample.traffic import Actor

FRAME_PX = (WIDTH_PX, HEIGHT_PX)
GLOW = {
    "headlight": ((255, 246, 220), 0.30),
    "taillight": ((220, 26, 18), 0.15),
    "small": ((220, 220, 220), 0.08),
    "small_rear": ((230, 30, 20), 0.08),
}


def _rgb(*parts: float) -> Floats:
    return np.array(parts, dtype=np.float32)


def light_up(site: Site, backdrop: Backdrop, scene: Scene, actors: Sequence[Actor], moment: Moment) -> Floats:
    """The scene as the lens sees it at its moment, [H, W, 3], 0..255 and above where lights glare."""
    dark, wet = np.float32(moment.darkness), np.float32(moment.wet)
    colours = np.asarray(scene.picture.reduce(OVERSAMPLING), dtype=np.float32)
    ids = scene.ids.resize(FRAME_PX, Image.Resampling.NEAREST)
    bare = (np.asarray(ids) == 0)[..., None]
    sky = _sky(moment)
    warm = math.exp(-max(moment.elevation, 0.0) / 0.25) * (1 - moment.cloud)
    day = _rgb(1 + 0.08 * warm, 1.0, 1 - 0.16 * warm) * (1.06 - 0.2 * moment.cloud)
    lamp = _rgb(*site.lamp)
    beams = _beams(site, actors) if dark > 0.2 else np.zeros((HEIGHT_PX, WIDTH_PX), dtype=np.float32)
    night = 0.07 + 0.8 * backdrop.pools[..., None] * lamp + 0.55 * beams[..., None]
    lit = colours * ((1 - dark) * day + dark * night)
    ground = bare * (backdrop.sky < 0.5)[..., None]
    lit *= 1 - 0.3 * wet * ground
    lit += (sky[-1] * 0.4) * wet * ground * backdrop.far[..., None]
    lit += dark * 190 * backdrop.windows * bare
    mist = np.float32(moment.haze) * backdrop.far[..., None]
    lit = lit * (1 - mist) + sky[-1] * mist
    seen_sky = backdrop.sky[..., None] * bare
    lit = lit * (1 - seen_sky) + sky[:, None] * seen_sky
    if dark > 0.2:
        lit += dark * _glare(site, scene, actors, moment)
    found: Floats = lit
    return found


def _sky(moment: Moment) -> Floats:
    """Colour of the sky by row, [H, 3]."""
    clear, low = _rgb(120, 164, 214), _rgb(206, 218, 230)
    grey = _rgb(206, 208, 210)
    dusk = math.exp(-((moment.elevation / 0.12) ** 2)) * (1 - 0.8 * moment.cloud)
    fall = np.linspace(0, 1, HEIGHT_PX, dtype=np.float32)[:, None] ** 0.5
    day = (clear * (1 - fall) + low * fall) * (1 - moment.cloud) + grey * moment.cloud
    day = day * (1 - 0.6 * dusk) + _rgb(240, 160, 110) * 0.6 * dusk
    night = _rgb(20, 20, 30) + fall * _rgb(34, 24, 16)
    found: Floats = (1 - moment.darkness) * day + moment.darkness * night
    return found.astype(np.float32)


def _beams(site: Site, actors: Sequence[Actor]) -> Floats:
    """Headlights on the ground before each vehicle, [H, W] 0..1."""
    picture = Image.new("L", FRAME_PX)
    pen = ImageDraw.Draw(picture)
    for actor in actors:
        if not any(lamp.material == "headlight" for lamp in actor.model.lamps):
            continue
        forward = np.array([math.sin(actor.heading), math.cos(actor.heading), 0])
        right = np.array([forward[1], -forward[0], 0])
        nose = np.array([actor.x_m, actor.y_m, 0]) + forward * actor.model.length_m / 2
        corners = [nose + forward * far + right * side for far, side in ((0.3, -0.6), (9, -2.2), (9, 2.2), (0.3, 0.6))]
        outline = site.camera.outline(np.array(corners))
        if outline:
            pen.polygon([(x / OVERSAMPLING, y / OVERSAMPLING) for x, y in outline], fill=190)
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(4)), dtype=np.float32) / 255


def _glare(site: Site, scene: Scene, actors: Sequence[Actor], moment: Moment) -> Floats:
    """Lamps, their bloom and their streaks on wet ground, [H, W, 3], 0..255 and above."""
    picture = Image.new("RGB", FRAME_PX)
    pen = ImageDraw.Draw(picture)
    for x, y in site.posts:
        place = np.array([[x + site.bend * y * y - math.copysign(1.8, x), y, 8.3]])
        (pixel,), (depth,) = site.camera.project(place)
        if depth > 4:
            colour = tuple(int(255 * part) for part in site.lamp)
            _spot(pen, pixel[0] / OVERSAMPLING, pixel[1] / OVERSAMPLING, 0.3 * site.camera.focal_px / depth / OVERSAMPLING, colour)
    for number, actor in enumerate(actors, start=1):
        _lamps(pen, site, scene, actor, number, moment.wet)
    near = np.asarray(picture.filter(ImageFilter.GaussianBlur(0.8)), dtype=np.float32)
    bloom = np.asarray(picture.filter(ImageFilter.GaussianBlur(5)), dtype=np.float32)
    return near * 1.1 + bloom * 1.3


def _lamps(pen: ImageDraw.ImageDraw, site: Site, scene: Scene, actor: Actor, number: int, wet: float) -> None:
    """Those lamps of an actor that face the camera and that nothing hides."""
    forward = np.array([math.sin(actor.heading), math.cos(actor.heading)])
    right = np.array([forward[1], -forward[0]])
    for lamp in actor.model.lamps:
        x, y, z = (part * actor.size for part in lamp.place)
        spot = np.array([actor.x_m, actor.y_m]) + forward * y + right * x
        facing = float((site.camera.eye[:2] - spot) @ forward) * (1 if lamp.forward else -1)
        pixels, depths = site.camera.project(np.array([[*spot, z], [*spot, 0.0]]))
        (u, v), scale = pixels[0], site.camera.focal_px / max(depths[0], 1.0) / OVERSAMPLING
        inside = 0 <= u < scene.ids.width and 0 <= v < scene.ids.height
        if facing <= 0 or not inside or scene.ids.getpixel((int(u), int(v))) not in (number, 0):
            continue
        colour, radius = GLOW[lamp.material]
        if wet > 0.1:
            foot_u, foot_v = pixels[1] / OVERSAMPLING
            faint = tuple(int(part * 0.5 * wet) for part in colour)
            pen.line([(foot_u, foot_v), (foot_u, foot_v + 2.2 * scale)], fill=faint, width=max(1, int(0.25 * scale)))
        _spot(pen, u / OVERSAMPLING, v / OVERSAMPLING, radius * scale, colour)


def _spot(pen: ImageDraw.ImageDraw, x: float, y: float, radius: float, colour: tuple[int, ...]) -> None:
    size = max(0.6, radius)
    pen.ellipse((x - size, y - size, x + size, y + size), fill=colour)
