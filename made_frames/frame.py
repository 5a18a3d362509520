"""One frame of the sample: a pure function of the data set's seed and the frame's number."""

from dataclasses import dataclass
from functools import lru_cache
from random import Random

from PIL import Image

from made_frames.backdrop import Backdrop, make_backdrop
from made_frames.geometry import DRAWN_PX, FRAME_PX, HEIGHT_PX
from made_frames.light import light_up
from made_frames.moment import make_moment
from made_frames.optics import encode, expose, smear, transmit
from made_frames.overlay import cover, write_over
from made_frames.scene import Box, Scene
from made_frames.site import Site, make_site
from made_frames.traffic import populate

CAMERAS = 16
BROKEN_BELOW_PX = HEIGHT_PX * 6 // 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """A frame as it is packed: its camera, the stem of its files, JPEG, and labels."""

    camera: str
    stem: str
    jpeg: bytes
    boxes: tuple[Box, ...]


@lru_cache(maxsize=CAMERAS)
def _street(seed: int, camera: int) -> tuple[Site, Backdrop]:
    site = make_site(seed, camera)
    return site, make_backdrop(site, seed)


def make_frame(seed: int, index: int) -> Frame:
    """Draw frame `index` of the data set of `seed`.

    Frames go round the cameras; each shows another moment with other traffic.
    One in a hundred is a failure: a grey card without objects, a broken transmission, or without colour.
    """
    site, backdrop = _street(seed, index % CAMERAS)
    rng = Random(f"{seed}/frame/{index}")
    moment = make_moment(rng, site.number, index // CAMERAS)
    scene = Scene(site, backdrop, populate(site, rng), moment)
    boxes = scene.boxes(cover().resize(DRAWN_PX, Image.Resampling.NEAREST))
    picture = transmit(expose(light_up(scene, backdrop, moment), rng, moment), rng)
    failure = rng.random()
    if failure < 0.003:
        picture = Image.new("RGB", FRAME_PX, (128, 128, 128))
        boxes = []
    elif failure < 0.006:
        picture = smear(picture, BROKEN_BELOW_PX)
        boxes = [box for box in boxes if box.bottom <= BROKEN_BELOW_PX]
    elif failure < 0.01:
        picture = picture.convert("L").convert("RGB")
    write_over(picture, site, moment)
    stem = f"{site.name}_{moment.when:%Y%m%d%H%M%S}"
    return Frame(camera=site.name, stem=stem, jpeg=encode(picture), boxes=tuple(boxes))
