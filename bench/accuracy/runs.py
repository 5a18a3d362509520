"""One training of a variant: its spec, its folder, what it took. A killed run goes on at its last epoch."""

import functools
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from splits import TRAIN

from harness.code_version import MEASURING, SOURCES, code_version
from harness.engine.answers import read_anchors
from harness.engine.spec_text import anchors_literal, fill
from harness.errors import DataError
from harness.files import read_json, write_json
from harness.settings.declared import read_toml

CHECKOUT = Path(__file__).resolve().parents[2]
BASE_SPEC = Path(__file__).with_name("base.txt")
VARIANTS = Path(__file__).with_name("variants.toml")
BASE = "base"
SIZE_PX = (352, 288)  # of the network input of the base, which k-means is asked for
NUMBERS = ("--numbers", "auto")  # chosen once per machine, so the same for all that is compared
NOTE = "trained.json"  # in the results of a run
SCALES = ("small", "mid", "big")  # in ascending order of their anchors


@dataclass(frozen=True, kw_only=True)
class Run:
    """A variant, a seed and a number of passes over the training frames."""

    variant: str
    seed: int
    passes: int
    data: Path
    work: Path

    @property
    def folder(self) -> Path:
        """Where its specs and its rows lie."""
        return self._folder(self.variant)

    @property
    def results(self) -> Path:
        """Where its training lies: that of another variant, if it differs in what is looked at alone."""
        return self._folder(variant_of(self.variant).trained_as) / "results"

    def _folder(self, variant: str) -> Path:
        return self.work / "runs" / f"{variant}-seed{self.seed}-passes{self.passes}"

    @property
    def checkpoints(self) -> list[Path]:
        """Its checkpoints so far, in the order of their epochs."""
        return sorted((self.results / "weights").glob("*_epoch_*.pt"))

    def spec(self, split: str, *, resumed: Path | None = None) -> Path:
        """Write its spec with the frames of a split for validation."""
        values = {
            "seed": str(self.seed),
            "passes": str(self.passes),
            "data": str(self.data),
            "held_out": split,
            **{f"anchors_{scale}": found for scale, found in anchors(self.data, self.work).items()},
        }
        parts = [
            fill(BASE_SPEC.read_text(encoding="utf-8"), values, where=BASE_SPEC.name),
            variant_of(self.variant).spec,
            f'training_config {{ resume_model_path: "{resumed}" }}' if resumed else "",
        ]
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{'resume' if resumed else split}.txt"
        path.write_text("\n".join(parts) + "\n", encoding="utf-8")
        return path

    def train(self) -> Path:
        """Train to the end, or go on with it; returns the last checkpoint."""
        done = self.checkpoints
        if variant_of(self.variant).trained_as == self.variant:
            self._note()
        if len(done) < self.passes:
            spec = self.spec("choice-cameras", resumed=done[-1] if done else None)
            yolo_v4("train", "-e", spec, "-r", self.results, *NUMBERS)
        return self.checkpoints[-1]

    def _note(self) -> None:
        """Keep what is trained, and by which code, when a run begins; refuse to go on with something else."""
        asked = self.spec("choice-cameras").read_text(encoding="utf-8")
        note = self.results / NOTE
        if not self.checkpoints:
            write_json(note, {"spec": asked, **code_here()})
        elif read_json(note).get("spec") != asked:
            raise DataError(
                f"{self.results} was trained with another spec than {self.variant} has now",
                remedy="give the variant another name, or another --work",
            )

    @property
    def code(self) -> Mapping[str, Any]:
        """The `commit` that trained it, and which files had `changed` since."""
        told = read_json(self.results / NOTE)
        return {name: told[name] for name in ("commit", "changed")}

    @property
    def epochs_s(self) -> float:
        """Seconds that its epochs took; of an epoch that was begun twice, the one that ended counts."""
        lines = (self.results / "status.json").read_text(encoding="utf-8").splitlines()
        told = [line for line in map(json.loads, lines) if line.get("phase") == "epoch"]
        return float(sum({line["epoch"]: line["duration_s"] for line in told}.values()))

    @property
    def numerics(self) -> Mapping[str, Any]:
        """What decides the last digits, as `train` told it: processor, torch, threads, number format."""
        lines = (self.results / "status.json").read_text(encoding="utf-8").splitlines()
        told: list[Mapping[str, Any]] = [
            line["numerics"] for line in map(json.loads, lines) if "numerics" in line
        ]
        return told[-1]


def code_here() -> dict[str, Any]:
    """The commit of this checkout, and which files have changed since."""
    version = code_version((*SOURCES, *MEASURING))
    return {"commit": version.commit, "changed": list(version.changed)}


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Text that is appended to the base spec, and the variant whose training is judged."""

    spec: str
    trained_as: str


@functools.cache
def variants() -> dict[str, Variant]:
    """Each variant by its name, with the text of those it puts together before its own."""
    found: dict[str, Variant] = {}
    for name, table in read_toml(VARIANTS).items():
        text = "\n".join([*(found[part].spec for part in table.get("of", ())), str(table["spec"])])
        found[name] = Variant(spec=text, trained_as=str(table.get("trained_as", name)))
    return found


def variant_of(name: str) -> Variant:
    """A variant; what is none is a peer, which is judged by the base spec as it is."""
    return variants().get(name, Variant(spec="", trained_as=name))


def anchors(data: Path, work: Path) -> dict[str, str]:
    """Anchors of the training frames as the spec has them, by scale; found once."""
    results = work / "kmeans"
    train = data / TRAIN
    if not (results / "done").exists():
        size = [word for side in zip(("-x", "-y"), map(str, SIZE_PX), strict=True) for word in side]
        folders = ("-l", train / "labels", "-i", train / "images")
        yolo_v4("kmeans", *folders, *size, "-n", "9", "--results_dir", results)
        (results / "done").touch()
    found = sorted(read_anchors(results, results / "done"), key=lambda anchor: anchor[0] * anchor[1])
    return {scale: anchors_literal(found[3 * n : 3 * n + 3]) for n, scale in enumerate(SCALES)}


def yolo_v4(*words: str | Path) -> None:
    """Run the portable detector of this checkout. Raises CalledProcessError: it failed."""
    subprocess.run([sys.executable, "-m", "yolo_v4", *map(str, words)], cwd=CHECKOUT, check=True)
