"""The cases of benches and scaling studies: what each runs, and what is measured of it.

They work in a workspace of their own, so that the user's products stay as they are.
"""

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.clock import unix_s
from harness.data.views import link_view
from harness.engine.answers import runtimes
from harness.engine.find import resolve
from harness.engine.phases import computing, engine_phases
from harness.engine.spec_text import with_value
from harness.files import link_or_copy, publish, remove, write_text
from harness.measure import timing
from harness.measure.efficiency import CASE, batches
from harness.measure.plan import BenchPlan, block_of_training
from harness.measure.record import Measurement
from harness.measure.recording import Work
from harness.settings.variables import Settings
from harness.stages import workflow
from harness.stages.attempt import Attempt
from harness.stages.base import Stage
from harness.stages.eval import METRICS
from harness.stages.experiment import ANCHORS, Experiment
from harness.workspace.layout import Workspace
from harness.workspace.marker import STAGES, Marker, read_marker
from harness.workspace.spec_copies import SPLITS

FEW_FRAMES = 16  # to evaluate a block of training on, which is not what is measured
IMAGE_DIGEST = ".markers/image-digest"
COMPUTING_STAGES = ("train", "eval", "vis")


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One thing to repeat: a stage that asks the engine, with a batch size where that varies."""

    name: str
    stage: str
    settings: Settings
    batch: int = 0
    scaling: str = ""  # the kinds of scaling that it is a point of

    @property
    def key(self) -> str:
        """Distinguishes it from the other cases."""
        return f"{self.name} by {self.batch}" if self.batch else self.name

    def conditions(self, plan: BenchPlan) -> dict[str, int | str]:
        """What must be equal, besides the settings, for its records to be compared."""
        if self.stage == "train":
            kind = {"scaling": self.scaling} if self.scaling else {}
            return {"train_steps": plan.train_steps, "warm_up_steps": plan.warm_up_steps, **kind}
        return {"batch": self.batch} if self.batch else {}

    def run(self, plan: BenchPlan) -> Work:
        """Once, in a folder that is removed afterwards."""
        settings = self.settings
        if self.name in ("evaluate", "inference"):
            _set_batch(settings, self.batch)
        task = workflow.KINDS[self.stage](settings=settings)
        attempt = Attempt.begin(self.stage, fingerprint=f"bench {time.time_ns()}", settings=settings)
        started_s = time.time()
        with _quiet():
            _ask(self.name, task, attempt)
        ended_s = time.time()
        phases = engine_phases(attempt.folder, started_s=started_s, ended_s=ended_s)
        told = computing(attempt.folder)
        remove(attempt.folder)
        command = Measurement(name="command_s", values=(round(ended_s - started_s, 3),))
        work = self._measured(phases, plan, command)
        return replace(work, facts=told) if self.stage in COMPUTING_STAGES else work

    def _measured(self, phases: Sequence[Mapping[str, Any]], plan: BenchPlan, command: Measurement) -> Work:
        if self.stage == "train":
            frames, batch = _count_frames(self.settings, "train"), self.settings.frames_per_step
            measured, warm_up_steps = timing.of_training(phases, batch=batch, frames=frames, plan=plan)
            steps = sum(len(phase.get("work_s", ())) for phase in phases if phase["phase"] == "epoch")
            images = steps * batch or frames * self.settings.epochs
        elif self.batch:
            images, warm_up_steps = _count_frames(self.settings, "test"), 0
            measured = timing.of_batches(phases, batch=self.batch, images=images)
        else:
            measured, images, warm_up_steps = [], 0, 0
        return Work(
            measurements=(*measured, command),
            phases=tuple(phases),
            images=images,
            warm_up_steps=warm_up_steps,
        )


def bench_cases(settings: Settings, plan: BenchPlan) -> tuple[Case, ...]:
    """The cases that take turns, in a workspace where the whole chain was done."""
    block = _training_block(settings, plan, "block")
    recipe = replace(settings.recipe, vis_frames=_count_frames(settings, "test"))
    every_frame = replace(settings, recipe=recipe)
    cases = [Case(name="train", stage="train", settings=block, batch=block.batch)]
    for batch in plan.batches:
        cases.append(Case(name="evaluate", stage="eval", settings=settings, batch=batch))
        cases.append(Case(name="inference", stage="vis", settings=every_frame, batch=batch))
    cases.append(Case(name="export", stage="export", settings=settings))
    cases.append(Case(name="convert-data", stage="convert-data", settings=settings))
    return tuple(cases)


def scaling_cases(settings: Settings, plan: BenchPlan) -> tuple[Case, ...]:
    """Training by strong and by weak scaling, on as many GPUs as the settings say; the two take turns."""
    cases = []
    for kind, batch in batches(settings).items():
        block = _training_block(replace(settings, batch=batch), plan, f"block-{batch}")
        cases.append(Case(name=CASE, stage="train", settings=block, batch=batch, scaling=kind))
    return tuple(cases)


def link_inputs(user: Workspace, own: Workspace, archive: str) -> None:
    """Give a bench links to what the user fetched, and copies of the specs, which may be edited."""
    link_fetched(user, own, archive)
    if user.specs.is_dir():
        shutil.copytree(user.specs, own.specs)


def link_fetched(user: Workspace, own: Workspace, archive: str) -> None:
    """Give a workspace links to what another one fetched, unless it has its own."""
    own.root.mkdir(parents=True, exist_ok=True)
    pretrained = user.pretrained.iterdir() if user.pretrained.is_dir() else ()
    for path in (user.data / archive, *pretrained, user.root / IMAGE_DIGEST):
        target = own.root / path.relative_to(user.root)
        if path.is_file() and not target.exists():
            link_or_copy(path, target)


def _training_block(settings: Settings, plan: BenchPlan, name: str) -> Settings:
    """Settings of a workspace of its own, which has just the frames that a block of training needs."""
    whole, own = Workspace(settings.workspace), Workspace(settings.workspace / name)
    stems = {split: _stems(settings, split) for split in SPLITS}
    by_step = resolve(settings).dialect.tells_steps
    batch, frames = settings.frames_per_step, len(stems["train"])
    kept, epochs = block_of_training(plan, batch=batch, frames=frames, by_step=by_step)
    for split, names in stems.items():
        for content in ("images", "labels"):
            chosen = names[: kept if split == "train" else FEW_FRAMES]
            link_view(whole.data / split / content, own.data / split / content, chosen)
    link_inputs(whole, own, settings.dataset.archive)
    link_or_copy(whole.path(ANCHORS), own.path(ANCHORS))
    recipe = replace(settings.recipe, checkpoint_interval=epochs)  # evaluated and saved once, at the end
    block = replace(settings, workspace=own.root, recipe=recipe, epochs=epochs)
    task = workflow.KINDS["convert-data"](settings=block)
    attempt = Attempt.begin(task.name, fingerprint="block", settings=block)
    with _quiet():
        task.perform(attempt)
    for product in task.products():
        publish(attempt.staged(product), own.path(product))
    return block


def prepare_training(settings: Settings) -> str | None:
    """Run all stages that come before training; the digest of the data."""
    _run_stages(settings, ["tune-bdb", "convert-data"])
    return _data_sha256(settings)


def chain(settings: Settings, plan: BenchPlan) -> Work:
    """All nine stages once: the time of each, and what training told of its epochs."""
    _run_stages(settings, STAGES)
    workspace = Workspace(settings.workspace)
    measurements: list[Measurement] = []
    phases: list[Mapping[str, Any]] = []
    told: Mapping[str, Any] = {}
    markers: dict[str, Marker] = {}
    for stage in STAGES:
        marker = read_marker(workspace, stage)
        assert marker is not None  # a stage without one has raised above
        markers[stage] = marker
        started_s, ended_s = (unix_s(text) for text in (marker.started_utc, marker.finished_utc))
        measurements.append(Measurement(name="stage_s", of=stage, values=(marker.duration_s,)))
        whole = {"phase": f"stage {stage}", "started_unix_s": started_s, "duration_s": marker.duration_s}
        of_stage = engine_phases(workspace.attempts / stage, started_s=started_s, ended_s=ended_s)
        phases += [whole, *of_stage]
        if stage == "train":
            told = computing(workspace.attempts / stage)
            measurements += _epochs(settings, of_stage, started_s, plan.target_map)
    scores = json.loads(workspace.path(METRICS["test"]).read_text())
    return Work(
        measurements=(*measurements, Measurement(name="mAP", values=(scores["mAP"],))),
        phases=tuple(phases),
        images=_count_frames(settings, "train") * settings.epochs,
        conditions={"data_sha256": _data_sha256(settings)},
        facts={**told, "runtime": runtimes(markers)},  # of training all else
    )


def _epochs(settings: Settings, phases: timing.Phases, began_s: float, target: float) -> list[Measurement]:
    name = f"yolov4_training_log_{Experiment(settings).network}.csv"
    log = Workspace(settings.workspace).experiment / name
    counts = {"batch": settings.frames_per_step, "frames": _count_frames(settings, "train")}
    return timing.of_epochs(log.read_text(), phases, **counts, began_s=began_s, target=target)


def _run_stages(settings: Settings, names: Sequence[str]) -> None:
    for ending in workflow.run(settings, names, verbose=False):
        if ending.error is not None:
            raise ending.error


def _data_sha256(settings: Settings) -> str | None:
    """Digest of frames and labels and of which split each is in, as gen-valid told it."""
    marker = read_marker(Workspace(settings.workspace), "gen-valid")
    return marker.outcome if marker else None


def _ask(name: str, task: Stage, attempt: Attempt) -> None:
    if name != "evaluate":
        task.perform(attempt)
        return
    # The stage evaluates two splits; the first of its requests is about the test frames.
    task.experiment.write_run_file(attempt.folder, "test", validation="test")
    attempt.ask(task.requests(attempt.folder)[0])


def _set_batch(settings: Settings, batch: int) -> None:
    """Edit the bench's own copy of the spec: the batch of eval_config is that of inference, too."""
    name, template = settings.recipe.spec, Experiment(settings).template
    text = with_value(template, "eval_config", "batch_size", str(batch), where=name)
    write_text(Workspace(settings.workspace).specs / name, text)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Show nothing of what engines print; it is in the logs of their attempts."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


def _stems(settings: Settings, split: str) -> list[str]:
    """Names of the frames of a split, without ending."""
    return sorted(path.stem for path in (Workspace(settings.workspace).data / split / "images").iterdir())


def _count_frames(settings: Settings, split: str) -> int:
    return len(_stems(settings, split))
