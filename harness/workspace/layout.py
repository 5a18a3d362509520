"""Where everything lies in a workspace."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

# The files of an attempt, below `.attempts/<stage>/<when>-<process>/`.
LOG = "console.log"  # everything that the stage and its engine printed
REQUEST = "request.json"  # what was asked for: fingerprint and argument lists
OUTCOME = "outcome.json"  # how it ended
STATUS = "status.json"  # what the engine told of its run, where it writes its results
PRODUCTS = "products"  # what was made and is not published yet

FILLED_SPECS = "specs/filled"  # specs without blanks, for people; no product

# All that a stage may ever publish, and so replace; `*` is any one name. A marker that names something else
# was not written by its stage.
OWNED: Mapping[str, tuple[str, ...]] = {
    "download": (
        *("data/.frames/images", "data/.frames/labels_raw", "data/.frames/obj.names"),
        *("data/.frames/split.json", "pretrained_resnet18/pretrained_object_detection_vresnet18/*"),
    ),
    "verify": (
        *("data/.frames/labels", "data/test/images", "data/test/labels", "data/test/labels_raw"),
        "experiment/verify.json",
    ),
    "gen-valid": (
        *("data/split.json", "data/train/images", "data/train/labels", "data/train/labels_raw"),
        *("data/val/images", "data/val/labels"),
    ),
    "tune-bdb": ("experiment/anchors.json",),
    "convert-data": ("data/train/tfrecords", "data/val/tfrecords", "data/test/tfrecords"),
    "train": ("experiment/weights", "experiment/*.txt", "experiment/yolov4_training_log_*.csv"),
    "eval": ("experiment/metrics.json", "experiment/metrics_val.json", "experiment/detections.jsonl"),
    "vis": ("experiment/visualisations/images_annotated", "experiment/visualisations/labels"),
    "export": ("experiment/export",),
}

NO_NAMES = ("", ".", "..")


def owns(stage: str, product: str) -> bool:
    """Whether `product`, relative to the workspace, is one that `stage` may publish."""
    return any(_fits(product.split("/"), pattern.split("/")) for pattern in OWNED[stage])


def _fits(names: list[str], patterns: list[str]) -> bool:
    return len(names) == len(patterns) and all(
        name == pattern
        or ("*" in pattern and fnmatchcase(name, pattern) and name.isprintable() and name not in NO_NAMES)
        for name, pattern in zip(names, patterns, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder a run works in. `root` is absolute."""

    root: Path

    def path(self, product: str) -> Path:
        """Absolute path of a product given relative to the workspace."""
        return self.root / product

    def link_before(self, path: Path) -> Path | None:
        """The first folder on the way to a path that is a link, or None.

        The folders right in the workspace may be links: `data` to a larger disk, of its user's choice.
        """
        *folders, _ = path.relative_to(self.root).parents
        links = (self.root / folder for folder in reversed(folders) if len(folder.parts) > 1)
        return next((folder for folder in links if folder.is_symlink()), None)

    @property
    def data(self) -> Path:
        """Archive, frames, and the views train, val and test."""
        return self.root / "data"

    @property
    def frames(self) -> Path:
        """Every frame once, never changed after verify."""
        return self.data / ".frames"

    @property
    def experiment(self) -> Path:
        """Products of training and what follows."""
        return self.root / "experiment"

    @property
    def pretrained(self) -> Path:
        """Weights to start from."""
        return self.root / "pretrained_resnet18"

    @property
    def specs(self) -> Path:
        """The user's editable copies of spec templates."""
        return self.root / "specs"

    @property
    def attempts(self) -> Path:
        """One folder of logs for each time a stage was tried."""
        return self.root / ".attempts"

    def kept(self, stage: str) -> Path:
        """Sets of products of a stage that lie aside, by fingerprint."""
        return self.root / ".kept" / stage

    @property
    def jobs(self) -> Path:
        """What is known of runs that go through a queue."""
        return self.root / ".jobs"

    @property
    def seeds(self) -> Path:
        """A workspace for each seed of a band."""
        return self.root / ".seeds"

    @property
    def lock(self) -> Path:
        """Says who works here."""
        return self.root / ".lock"

    def marker(self, stage: str) -> Path:
        """Written last when a stage is done."""
        return self.root / ".markers" / f"{stage}.json"

    def marker_inputs(self, stage: str) -> Path:
        """What went into the fingerprint of that marker, for explanations."""
        return self.root / ".markers" / "inputs" / f"{stage}.json"

    def engine_lock(self, stage: str) -> Path:
        """Names the engine process that works for `stage` now."""
        return self.root / f".lock.{stage}"


def staged(folder: Path, product: str) -> Path:
    """Where the attempt in `folder` keeps `product` until it is published."""
    return folder / PRODUCTS / product
