"""A recipe: which data, which network, how long, and what should come out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.errors import ConfigError
from harness.settings.declared import find_declared, read_toml
from harness.settings.numbers import AUTO, EARLIER, FP32, NUMBERS, numbers_of
from harness.settings.table import from_table, nearest

SPEC_NAME = re.compile(r"[\w-][\w.-]*\.txt")
ANCHORS = (THIRDS, BY_STRIDE) = ("thirds", "by-stride")  # how the nine are divided among the three scales
CHECKPOINTS = (LAST, BEST) = ("last", "best")  # best: the highest mAP on the validation frames
UNSAID = {"anchors": THIRDS, "checkpoint": LAST}  # what fingerprints and records mean that do not name these


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """What `specs/recipes/<name>.toml` says; settings given elsewhere override its numbers.

    `expected` holds lower bounds (fractions) of average precision on the test split, by class, or for `mAP`.
    """

    name: str
    title: str
    dataset: str  # name or path of a data-set file
    spec: str  # file name of the experiment spec template
    epochs: int
    batch: int  # frames per GPU
    checkpoint_interval: int  # epochs
    anchors: str = THIRDS  # as in TAO's notebook; by-stride: of boxes that each grid is fine enough for
    numbers: str = FP32  # format of convolutions in training; auto: the faster one, measured
    checkpoint: str = LAST  # which one eval, vis and export take: last or best
    seed: int = 42
    val_split_pct: float = 10.0
    limit: int = 0  # train on only this many frames; 0: all
    pretrained: str = ""  # weights to start from: a file or an address; "" for none
    pretrained_sha256: str = ""  # a remote address needs one
    vis_frames: int = 16
    vis_threshold: float = 0.3  # 0..1, score from which a box is drawn
    precision: str = "fp32"  # of the exported model: fp32, fp16, int8
    expected: Mapping[str, float] = field(default_factory=dict)


def load_recipe(name_or_path: str) -> Recipe:
    """The recipe of that name in `specs/recipes`, or that the file at that path describes.

    Raises:
        ConfigError: there is no such file, or it has an unknown key, a missing one, or a value of another
            type.
    """
    path = find_declared("recipes", name_or_path)
    table = read_toml(path)
    if EARLIER in table:
        raise ConfigError(
            f"{path}: {EARLIER} is a key of earlier versions, now called numbers",
            remedy=f'in its place write numbers = "{numbers_of({EARLIER: table[EARLIER]}) or AUTO}"',
        )
    recipe = from_table(Recipe, {"name": path.stem, **table}, where=str(path))
    if recipe.numbers not in NUMBERS:
        raise ConfigError(
            f"{path}: numbers is {recipe.numbers!r}, expected one of {', '.join(NUMBERS)}",
            remedy=f"write {nearest(recipe.numbers, NUMBERS)}",
        )
    for key, known in (("checkpoint", CHECKPOINTS), ("anchors", ANCHORS)):
        if (value := getattr(recipe, key)) not in known:
            raise ConfigError(
                f"{path}: {key} is {value!r}, expected {' or '.join(known)}",
                remedy=f"correct the line in {path}",
            )
    # The spec as used is published under this name.
    if not SPEC_NAME.fullmatch(recipe.spec):
        raise ConfigError(
            f"{path}: spec is {recipe.spec!r}, expected a plain file name that ends with .txt",
            remedy=f"correct the line in {path}",
        )
    return recipe
