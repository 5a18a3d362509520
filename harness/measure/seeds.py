"""`jamcam seeds`: trains a recipe with several seeds, and writes the band of what came out beside the recipe.

Each seed has a workspace of its own, `.seeds/<seed>/` in the user's, whose markers tell what is done: begun
again, nothing is trained twice. The recipe's own seed is none of them: to the band it is a fresh one.
"""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.engine.answers import with_runtime
from harness.engine.find import resolve
from harness.errors import CannotTell, ConfigError, raise_first
from harness.files import read_json, write_json
from harness.measure import facts
from harness.measure.band import (
    AP,
    LOSS,
    MAP,
    SCHEMA_VERSION,
    TRAIN_S,
    Band,
    Quantity,
    is_at_limit,
    mean_of,
    sd_of,
)
from harness.measure.cases import link_fetched
from harness.measure.gate_rows import FLOORS
from harness.measure.plan import load_plan
from harness.measure.record import Condition
from harness.measure.stats import CONFIDENCE, prediction
from harness.measure.trained import COMPUTING, Trained, one_machine, read_trained, train_s
from harness.own_files import CARRIED
from harness.queue.slurm import is_over
from harness.settings.numbers import FP32
from harness.settings.variables import VARIABLES, Settings
from harness.stages import workflow
from harness.stages.experiment import Experiment
from harness.text import columns, duration, number, shortened
from harness.workspace.layout import Workspace
from harness.workspace.lock import workspace_lock
from harness.workspace.marker import STAGES, Marker, differences, digest_of, read_marker

TRAINED_ON = "trained-on.json"  # in the workspace of a seed: the machine, as a record tells of it
OF_SETTINGS = ("seed", "batch", "epochs", "gpus", "nodes", "limit", "val_split_pct", "pretrained_sha256")
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Seed:
    """What one seed gave, and where."""

    seed: int
    folder: Path
    trained: Trained
    markers: Mapping[str, Marker]
    trained_on: Mapping[str, Any]

    @property
    def numerics(self) -> dict[str, Any]:
        """What the engine computed with, by stage."""
        return {stage: [*map(with_runtime, self.markers[stage].numerics)] for stage in COMPUTING}

    @property
    def must_be_alike(self) -> dict[str, Any]:
        """What must be equal for seeds to be of one band."""
        engine = self.markers["train"].engine
        return {
            **self.trained.settings,
            **{f"{stage} numerics": told for stage, told in self.numerics.items()},
            "engine version": engine.version if engine else None,
            "machine": one_machine(self.trained_on.get("machine", {})),
        }


def require_as_it_stands(settings: Settings, band: Path) -> None:
    """Refuse to make a band of anything but a recipe as its file says it, or one that could not be written.

    Raises:
        ConfigError: with what is given beside the recipe, or where the file would be.
    """
    of_recipe = [each.name for each in VARIABLES if each.default_from == "recipe"]
    given = [name for name in of_recipe if not settings.origins[name].startswith("recipe ")]
    if given:
        raise ConfigError(
            f"a band is of a recipe as it stands, and {given[0]} is given beside it "
            f"({settings.origins[given[0]]})",
            remedy="leave it out, or write a recipe of your own and give its path by RECIPE",
        )
    is_installed = band.is_relative_to(CARRIED)
    if is_installed or not os.access(band.parent, os.W_OK):
        why = "is of the installed package" if is_installed else "cannot be written"
        raise ConfigError(
            f"{band.parent} {why}, where the band of {settings.recipe.name} belongs",
            remedy="copy the recipe to a folder of yours, and give its path by RECIPE",
        )


def numbers(settings: Settings, count: int) -> range:
    """The seeds that a band of so many has."""
    return range(settings.recipe.seed + 1, settings.recipe.seed + 1 + count)


def train_all(own: Settings, every: Sequence[Settings], *, say: Say) -> Band:
    """Train what is not trained yet, and say what the seeds gave.

    Args:
        own: of the recipe's own seed, in a workspace of its own; nothing is trained with them.
        every: of the seeds, each in a workspace of its own.
        say: receives lines for people.

    Raises:
        CannotTell: the seeds were not trained alike.
        HarnessError: a stage failed; what is done is kept.
        Interrupted: by a signal; the same.
    """
    seeds: list[Seed] = []
    for place, settings in enumerate(every, start=1):
        say(f"seed {settings.seed}, {place} of {len(every)}, in {settings.workspace}")
        _link(settings, [one.folder for one in seeds], say)
        _run(settings, "eval", say=say)
        seeds.append(_read(settings))
        say(f"seed {settings.seed}: {_told(seeds[-1].trained.values)}")
    _require_alike(seeds)
    _link(own, [one.folder for one in seeds], say)
    _run(own, "gen-valid", say=say)
    return _band(own, seeds)


def _link(settings: Settings, earlier: Sequence[Path], say: Say) -> None:
    """Take what the user or an earlier seed fetched."""
    own = Workspace(settings.workspace)
    for root in (own.root.parent.parent, *earlier):
        link_fetched(Workspace(root), own, settings.dataset.archive)


def _run(settings: Settings, stage: str, *, say: Say) -> None:
    own = Workspace(settings.workspace)
    with workspace_lock(own, say=say, is_over=is_over):
        steps = {step.stage: step for step in workflow.survey(settings, [stage])}
        if "train" in steps and steps["train"].reasons and not steps["train"].coming:
            write_json(own.root / TRAINED_ON, _here(settings))
        endings = workflow.run(settings, [stage], verbose=False)
    raise_first([ending.error for ending in endings if ending.error])


def _here(settings: Settings) -> dict[str, Any]:
    """Machine, code, environment and facts, as in a record."""
    machine = facts.machine(host_name=load_plan(settings.recipe.name).host_name)
    return {
        "machine": asdict(machine),
        "code": asdict(facts.code(resolve(settings))),
        "environment": facts.environment(os.environ),
        "facts": facts.surroundings(machine, settings.workspace, os.environ),
    }


def _read(settings: Settings) -> Seed:
    workspace = Workspace(settings.workspace)
    found = {stage: read_marker(workspace, stage) for stage in STAGES}
    markers = {stage: marker for stage, marker in found.items() if marker}
    trained = read_trained(workspace, markers)
    lasted_s = train_s(workspace, markers["train"])
    return Seed(
        seed=settings.seed,
        folder=settings.workspace,
        trained=Trained(values={**trained.values, TRAIN_S: lasted_s}, settings=trained.settings),
        markers=markers,
        trained_on=read_json(settings.workspace / TRAINED_ON),
    )


def _require_alike(seeds: Sequence[Seed]) -> None:
    first, *others = seeds
    if not first.trained_on.get("machine"):
        raise CannotTell(
            f"where seed {first.seed} was trained cannot be told: {first.folder / TRAINED_ON} is gone",
            remedy=f"rm -r {first.folder}, then the same command again",
        )
    for other in others:
        if found := differences(first.must_be_alike, other.must_be_alike):
            raise CannotTell(
                f"seeds {first.seed} and {other.seed} were not trained alike: {shortened(found, shown=3)}",
                remedy="remove the folder of the older one, then the same command again: "
                f"{first.folder}, or {other.folder}",
            )


def _band(own: Settings, seeds: Sequence[Seed]) -> Band:
    newest = max(seeds, key=lambda one: one.markers["eval"].finished_utc)
    names = [*dict.fromkeys(name for one in seeds for name in one.trained.values)]
    values = {name: tuple(one.trained.values.get(name) for one in seeds) for name in names}
    return Band(
        schema_version=SCHEMA_VERSION,
        recipe=own.recipe.name,
        n=len(seeds),
        seeds=tuple(one.seed for one in seeds),
        confidence=CONFIDENCE,
        family=(family := _family(values)),
        settings=newest.trained.settings,
        conditions=_conditions(own),
        numerics=newest.numerics,
        **{name: newest.trained_on[name] for name in ("machine", "code", "environment", "facts")},
        commits=tuple(sorted({one.markers["train"].git_commit or "unknown" for one in seeds})),
        finished_utc=newest.markers["eval"].finished_utc,
        quantities={name: quantity(name, values[name], len(family)) for name in names},
    )


def _family(values: Mapping[str, Sequence[float | None]]) -> tuple[str, ...]:
    """What is judged: average precisions and loss, as far as at least two seeds tell a spread."""
    told = [name for name, each in values.items() if sum(value is not None for value in each) > 1]
    return tuple(name for name in told if name in (MAP, LOSS) or name.startswith(AP))


def quantity(name: str, values: Sequence[float | None], judged: int) -> Quantity:
    """A quantity over seeds, its interval one of a family of so many; AP is in 0..1, the others above 0.

    That of an AP reaches as far at least as the gate's floor, below which nobody minds a difference.
    """
    known = [value for value in values if value is not None]
    is_precision = name == MAP or name.startswith(AP)
    alpha = (1 - CONFIDENCE) / (1 if name == TRAIN_S else max(judged, 1))
    low, high = prediction(known, alpha=alpha) or (None, None)
    mean = mean_of(known)
    if low is not None and high is not None and mean is not None:
        floor = FLOORS[MAP].absolute if is_precision else 0.0
        low = max(min(low, mean - floor), 0.0)
        high = min(max(high, mean + floor), 1.0 if is_precision else math.inf)
    return Quantity(
        n=len(known),
        mean=mean,
        sd=sd_of(known),
        low=low,
        high=high,
        at_limit=is_at_limit(name, known),
        values=tuple(values),
    )


def _conditions(own: Settings) -> dict[str, Condition]:
    """What a record of the recipe's own seed says of what decides accuracy."""
    split = read_marker(Workspace(own.workspace), "gen-valid")
    engine = resolve(own).identity
    return {
        "recipe": own.recipe.name,
        "data_sha256": split.outcome if split else None,
        "spec_sha256": digest_of(Experiment(own).template),
        "engine": engine.name,
        "image_sha256": engine.image_digest,
        "mixed_precision": own.numbers != FP32,
        "anchors": own.recipe.anchors,
        "checkpoint": own.checkpoint,
        **{name: getattr(own, name) for name in OF_SETTINGS},
    }


def _told(values: Mapping[str, float | None]) -> str:
    lasted_s = values.get(TRAIN_S)
    parts = [f"{name} {number(value)}" for name in (MAP, LOSS) if (value := values.get(name)) is not None]
    return ", ".join([*parts, f"trained in {duration(lasted_s)}" if lasted_s else "time not known"])


def table(band: Band) -> str:
    """The quantities of a band, a row each."""
    rows: list[tuple[str, ...]] = [("quantity", "mean", "spread (SD)", "n", "a new seed lies in")]
    for name, one in band.quantities.items():
        cells = ["" if value is None else number(value) for value in (one.mean, one.sd)]
        interval = (
            "cannot tell"
            if one.low is None or one.high is None
            else f"{number(one.low)} to {number(one.high)}"
        )
        rows.append((name, *cells, str(one.n), interval))
    return columns(rows)
