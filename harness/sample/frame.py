"""One frame of the sample: a pure function of the data set's seed and the frame's number."""

from dataclasses import dataclass
from functools import lru_cache
from random import Random

from PIL import Image

from harness.sample.backdrop import Backdrop, make_backdrop
from harness.sample.geometry import DRAWN_PX, HEIGHT_PX, WIDTH_PX
from harness.sample.labels import Box, visible_boxes
from harness.sample.light import light_up
from harness.sample.moment import make_moment
from harness.sample.optics import encode, expose, smear, transmit
from harness.sample.overlay import cover, write_over
from harness.sample.scene import draw_scene
from harness.sample.site import Site, make_site
from harness.sample.traffic import populate

CAMERAS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """A frame as it is packed: folder and stem of its files, JPEG, and boxes."""

    folder: str
    stem: str
    jpeg: bytes
    boxes: tuple[Box, ...]

    @property
    def label(self) -> str:
        """Text of the label file."""
        return "".join(box.line() for box in self.boxes)


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
    moment = make_moment(rng, camera=site.number, shot=index // CAMERAS)
    actors = populate(site, rng)
    scene = draw_scene(site, backdrop, actors, moment)
    light = light_up(site, backdrop, scene, actors, moment)
    picture = transmit(expose(light, rng, moment), rng)
    boxes = visible_boxes(scene, actors, cover().resize(DRAWN_PX, Image.Resampling.NEAREST))
    failure = rng.random()
    if failure < 0.003:
        picture, boxes = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), (128, 128, 128)), []
    elif failure < 0.006:
        row = HEIGHT_PX * 6 // 10
        picture, boxes = smear(picture, row), [box for box in boxes if box.bottom <= row]
    elif failure < 0.01:
        picture = picture.convert("L").convert("RGB")
    write_over(picture, site, moment)
    stem = f"{site.name}_{moment.when:%Y%m%d%H%M%S}"
    return Frame(folder=site.name, stem=stem, jpeg=encode(picture), boxes=tuple(boxes))
