"""Where everything lies in a workspace."""

from dataclasses import dataclass
from pathlib import Path

# The files of an attempt, below `.attempts/<stage>/<when>-<process>/`.
LOG = "console.log"  # everything that the stage and its engine printed
REQUEST = "request.json"  # what was asked for: fingerprint and argument lists
OUTCOME = "outcome.json"  # how it ended
PRODUCTS = "products"  # what was made and is not published yet


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder a run works in. `root` is absolute."""

    root: Path

    def path(self, product: str) -> Path:
        """Absolute path of a product given relative to the workspace."""
        return self.root / product

    def confines(self, product: str) -> bool:
        """Whether a product that a marker names lies in the workspace, below a folder that stages fill."""
        top, *below = product.split("/")
        filled = {self.data.name, self.experiment.name, self.pretrained.name}
        return top in filled and bool(below) and not {"", ".", ".."} & {*below}

    def leads_outside(self, product: str) -> bool:
        """Whether a folder on the way to a product is a link; `data` itself may be one, of its user."""
        *folders, _ = self.path(product).relative_to(self.root).parents
        return any((self.root / folder).is_symlink() for folder in folders if len(folder.parts) > 1)

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

    @property
    def jobs(self) -> Path:
        """What is known of runs that go through a queue."""
        return self.root / ".jobs"

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
