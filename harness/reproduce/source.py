"""What a workspace or a record says was run: facts, packages, and the products of each stage by digest.

What is read is data that others may have written: it names no path to write to and nothing to start.
A crate, once unpacked, is read as a workspace in which contents may be missing.
"""

import contextlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.engine.answers import checkpoints_taken, runtimes, with_runtime
from harness.errors import CannotTell, ConfigError, DataError
from harness.measure.band import LOSS, MAP
from harness.measure.record import Record
from harness.measure.record_files import read_record
from harness.measure.trained import read_trained
from harness.settings.numbers import AUTO, asking_for, numbers_of
from harness.settings.recipe import UNSAID
from harness.workspace.layout import Workspace
from harness.workspace.marker import STAGES, Marker, digest_of, is_digest_of, read_ingredients, read_marker

Value = str | int | float | bool | None  # None: not recorded
# Stages in which a network computes: number format and order of sums decide the last digits.
OF_NETWORK = ("train", "eval", "vis", "export")
# Of a run as a whole, in the order in which they are told. Commit and packages are told apart from these.
SETTINGS = (
    *("recipe", "data_sha256", "spec_sha256", "epochs", "batch", "checkpoint_interval", "seed"),
    *("val_split_pct", "limit", "gpus", "nodes", "numbers", "pretrained", "precision"),
    *("anchors", "checkpoint"),
)
ENGINE = ("engine", "engine_version", "image_sha256")
NUMERICS = ("processor", "torch", "threads", "number_format", "runtime")
CODE = ("commit", "sources_changed", "harness_version", "python")
SPEC_NAME = re.compile(r"experiment/(?!model_output_labels)[\w.-]+\.txt")


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run as it was recorded.

    `facts` has a value for each name of SETTINGS, ENGINE, NUMERICS and CODE. A record has no markers, and its
    `folder` is None; of a crate `folder` is where it was unpacked, and contents may be missing there.
    """

    kind: str  # workspace, crate or record
    name: str  # for people: the last part of a path, never the path
    facts: Mapping[str, Value]
    packages: Mapping[str, str] = field(default_factory=dict)  # name -> version; empty: not recorded
    markers: Mapping[str, Marker] = field(default_factory=dict)  # by stage
    ingredients: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # of fingerprints, by stage
    # Quantities that a band of seeds is about: mAP and `AP car`, 0 to 1, and the loss of the last epoch.
    scores: Mapping[str, float] = field(default_factory=dict)
    has_numbers: bool = True  # whether the version that made it knew the setting `numbers`
    folder: Path | None = None  # laid out as a workspace

    @property
    def digest(self) -> str:
        """Names the run: SHA-256 of what was run and what came out."""
        products = {
            product.path: product.digest.sha256
            for marker in self.markers.values()
            for product in marker.products
        }
        scores = {} if products else {**self.scores}  # which are read from products
        return digest_of({"facts": {**self.facts}, "products": products, "scores": scores})

    def facts_of(self, stages: Sequence[str]) -> dict[str, Value]:
        """The facts, with engine, code and numerics of these stages alone; a record knows no stages."""
        own = {stage: marker for stage, marker in self.markers.items() if stage in stages}
        return {**self.facts, **(_circumstances(own) if own else {})}


def read_run(root: Path, *, kind: str = "workspace") -> Run:
    """The run whose products lie in the folder `root`, by its markers.

    Raises:
        DataError: no stage was finished there.
    """
    workspace = Workspace(root)
    found = {stage: read_marker(workspace, stage) for stage in STAGES}
    markers = {stage: marker for stage, marker in found.items() if marker}
    if not markers:
        raise DataError(
            f"{root} holds no marker of a finished stage",
            remedy="name a workspace in which `jamcam all` ended well, a crate, or a record",
        )
    ingredients = {stage: _ingredients(workspace, marker) for stage, marker in markers.items()}
    packages = [marker.made_with["packages"] for marker in markers.values() if "packages" in marker.made_with]
    return Run(
        kind=kind,
        name=root.name,
        facts={**_settings(markers, ingredients), **_circumstances(markers)},
        packages=packages[-1] if packages else {},
        markers=markers,
        ingredients=ingredients,
        scores=_numbers(read_trained(workspace, markers).values),
        folder=root,
    )


def record_run(folder: Path) -> Run:
    """The run that the record in `folder` is about.

    Raises:
        DataError: it is no record, or one of a newer harness.
        CannotTell: it is about a part of a run, which made no products.
    """
    record = read_record(folder)
    if record.case != "chain":
        raise CannotTell(
            f"the record {record.id} is of the case {record.case}, and only chain runs all stages",
            remedy="name the record of that bench whose name has `chain`",
        )
    conditions, code = record.conditions, record.code
    told = {"torch_threads": "threads"}
    facts: dict[str, Value] = dict.fromkeys((*SETTINGS, *ENGINE, *NUMERICS, *CODE))
    facts |= {name: value for name, value in {**UNSAID, **conditions}.items() if name in facts}
    facts |= {
        told.get(name, name): value
        for name, value in with_runtime(record.facts or {}).items()
        if name in NAMES
    }
    facts["pretrained"] = conditions.get("pretrained_sha256")
    facts["numbers"] = _numbers_used(conditions, [facts["number_format"]])
    if code:
        facts |= {"commit": code.git_commit or None, "harness_version": code.harness_version}
        facts["sources_changed"] = bool(code.dirty)
        facts["torch"] = facts["torch"] or code.packages.get("torch")
    if record.machine:
        facts["python"] = record.machine.python
    return Run(
        kind="record",
        name=record.id,
        facts=facts,
        packages=code.packages if code else {},
        scores=_recorded_scores(record),
        has_numbers="numbers" in (record.facts or {}),
    )


def spec_path(run: Run) -> str:
    """The experiment spec as training published it, relative to the workspace; "" where none is named."""
    products = run.markers["train"].products if "train" in run.markers else ()
    names = [each.path for each in products if SPEC_NAME.fullmatch(each.path)]
    return names[0] if len(names) == 1 else ""


NAMES = ("processor", "torch", "torch_threads", "number_format", "runtime")  # of facts of a record


def find_source(what: str, results: Path) -> tuple[str, Path]:
    """The kind of what `what` names, and its path: a workspace, a crate (a .zip file), or a record.

    Args:
        what: a path, or of a record its id, or platform and id.

    Raises:
        ConfigError: it names nothing of these.
    """
    path = Path(what).expanduser().absolute()
    if path.is_file() and path.suffix == ".zip":
        return "crate", path
    if (path / ".markers").is_dir():
        return "workspace", path
    called_so = [place for place in results.glob("*/*") if place.name == Path(what).name]
    places = [path, results / what, *called_so]
    for place in places:
        if (place / "record.json").is_file():
            return "record", place
    raise ConfigError(
        f"{what} is neither a workspace (a folder with .markers), nor a crate (a .zip file), "
        f"nor a record in {results}",
        remedy="correct the path",
    )


def _ingredients(workspace: Workspace, marker: Marker) -> Mapping[str, Any]:
    """What the fingerprint was made of; empty where the file does not say what the marker means."""
    table = read_ingredients(workspace, marker.stage)
    return table if is_digest_of(marker.fingerprint, table) else {}


def _settings(
    markers: Mapping[str, Marker], ingredients: Mapping[str, Mapping[str, Any]]
) -> dict[str, Value]:
    inputs = {stage: table.get("inputs") for stage, table in ingredients.items()}
    download, data, train, export = (
        found if isinstance(found := inputs.get(stage), Mapping) else {}
        for stage in ("download", "gen-valid", "train", "export")
    )
    facts: dict[str, Any] = dict.fromkeys(SETTINGS)
    facts |= {name: _number(train.get(name)) for name in ("epochs", "batch", "checkpoint_interval", "seed")}
    facts["gpus"] = train.get("gpus")
    numerics = markers["train"].numerics if "train" in markers else ()
    facts["numbers"] = _numbers_used(train, [each.get("number_format") for each in numerics])
    if train:
        facts["nodes"] = train.get("nodes", 1)
        facts["spec_sha256"] = digest_of(train.get("spec"))
        facts["pretrained"] = _digest_or_none(download.get("pretrained"))
    facts["seed"] = data.get("seed", facts["seed"])
    facts |= {"val_split_pct": data.get("val_split_pct"), "limit": download.get("limit")}
    facts["precision"] = export.get("precision")
    if isinstance(anchors := inputs.get("tune-bdb"), Mapping):
        facts["anchors"] = anchors.get("divided", UNSAID["anchors"])
    facts["checkpoint"] = _together(checkpoints_taken(inputs))
    facts["data_sha256"] = markers["gen-valid"].outcome if "gen-valid" in markers else None
    facts["recipe"] = _together(marker.made_with.get("recipe") for marker in markers.values())
    return {name: value if isinstance(value, Value) else None for name, value in facts.items()}


def _numbers_used(asked: Mapping[str, Any], formats: Sequence[Value]) -> Value:
    """The number format that was asked for, in place of `auto` the one it chose; None where unknown."""
    used = {asking_for(each) for each in formats}
    one = used.pop() if len(used) == 1 else None
    numbers = numbers_of(asked)
    return one if numbers == AUTO and one else numbers


def _circumstances(markers: Mapping[str, Marker]) -> dict[str, Value]:
    """Engine, code and numerics; the last of the first of these stages in which a network computes.

    The runtime is that of the stages that choose it: training has no choice.
    """
    engines = [marker.engine for marker in markers.values() if marker.engine]
    computed = [markers[stage].numerics for stage in OF_NETWORK if stage in markers]
    numerics = computed[0] if computed else ()
    changed = [marker.made_with.get("sources_changed") for marker in markers.values()]
    return {
        "engine": _together(engine.name for engine in engines),
        "engine_version": _together(engine.version for engine in engines),
        "image_sha256": _together(engine.image_digest for engine in engines),
        **{name: _together(each.get(name) for each in numerics) for name in NUMERICS},
        "runtime": runtimes(markers),
        "commit": _together(marker.git_commit for marker in markers.values()),
        "harness_version": _together(marker.harness_version for marker in markers.values()),
        "python": _together(marker.made_with.get("python") for marker in markers.values()),
        # Not the names of files: a receipt is handed to strangers.
        "sources_changed": any(changed) if any(changed) or None not in changed else None,
    }


def _together(values: Iterable[Value]) -> Value:
    """The one value there is; of several, all of them in words; None where none is known."""
    known = list(dict.fromkeys(value for value in values if value is not None))
    return known[0] if len(known) == 1 else (", then ".join(map(str, known)) or None)


def _digest_or_none(identity: Any) -> Value:
    """A sha256, or "" of no file; a local file that is known by its size and time alone is not known."""
    return identity if isinstance(identity, str) and re.fullmatch(r"([0-9a-f]{64})?", identity) else None


def _number(text: Any) -> Value:
    with contextlib.suppress(TypeError, ValueError):
        return int(text)
    return None


def _recorded_scores(record: Record) -> dict[str, float]:
    losses, maps = record.values("epoch_loss"), record.values(MAP)
    return _numbers({MAP: maps[-1] if maps else None, LOSS: losses[-1] if losses else None})


def _numbers(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None and math.isfinite(value)}
