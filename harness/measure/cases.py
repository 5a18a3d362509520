"""The cases of a bench: what each runs, and what is measured of it. Nothing of it gets into a workspace's products."""

import contextlib
import json
import math
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from harness.clock import unix_s
from harness.data.views import link_view
from harness.engine.find import resolve
from harness.engine.phases import engine_phases
from harness.errors import ConfigError
from harness.files import link_or_copy, publish, remove, write_text
from harness.measure import timing
from harness.measure.bench_workspace import lay_out
from harness.measure.plan import SPELL_S, Bench, block_of_training
from harness.measure.record import Measurement
from harness.measure.recording import Work
from harness.settings.variables import Settings
from harness.stages import workflow
from harness.stages.attempt import Attempt
from harness.stages.base import Stage
from harness.stages.eval import METRICS
from harness.stages.experiment import ANCHORS, Experiment
from harness.workspace.layout import Workspace
from harness.workspace.marker import STAGES, read_marker
from harness.workspace.spec_copies import SPLITS

FEW_FRAMES = 16  # to judge a block of training by, which is not what is measured


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One thing to repeat: a stage that asks the engine, with a batch size where that varies."""

    name: str
    stage: str
    settings: Settings
    batch: int = 0
    scaling: str = ""  # of which kinds of scaling this is a point

    @property
    def key(self) -> str:
        """What tells it from the other cases."""
        return f"{self.name} by {self.batch}" if self.batch else self.name

    def conditions(self, plan: Bench) -> dict[str, int | str]:
        """What more than the settings must be equal for its records to be compared."""
        if self.name == "sampler":
            return {"sampler_pairs": plan.sampler_pairs}
        if self.stage == "train":
            kind = {"scaling": self.scaling} if self.scaling else {}
            return {"train_steps": plan.train_steps, "warm_up_steps": plan.warm_up_steps, **kind}
        return {"batch": self.batch} if self.batch else {}

    def run(self, plan: Bench) -> Work:
        """Once, in a folder that is gone afterwards."""
        settings = self.settings
        if self.name in ("evaluate", "inference"):
            _set_batch(settings, self.batch)
        task = workflow.KINDS[self.stage](settings=settings)
        attempt = Attempt.begin(self.stage, fingerprint=f"bench {time.time_ns()}", settings=settings)
        began_s = time.time()
        with _quiet():
            _ask(self.name, task, attempt)
        ended_s = time.time()
        phases = engine_phases(attempt.folder, started_s=began_s, ended_s=ended_s)
        remove(attempt.folder)
        command = Measurement(name="command_s", values=(round(ended_s - began_s, 3),))
        steps = sum(len(phase.get("work_s", ())) for phase in phases if phase["phase"] == "epoch")
        left_out, images = 0, 0
        if self.stage == "train":
            frames, batch = _count(settings, "train"), settings.frames_per_step
            found, left_out = timing.of_training(phases, batch=batch, frames=frames, plan=plan)
            images = steps * batch or frames * settings.epochs
        elif self.batch:
            images = _count(settings, "test")
            found = timing.of_batches(phases, batch=self.batch, images=images)
        else:
            found = []
        return Work(measurements=(*found, command), phases=tuple(phases), images=images, warm_up_steps=left_out)


def repeated(settings: Settings, plan: Bench) -> tuple[Case, ...]:
    """The cases that take turns, in a workspace where the whole chain was done."""
    every_frame = replace(settings, recipe=replace(settings.recipe, vis_frames=_count(settings, "test")))
    trained = block(settings, plan, "block")
    found = [Case(name="train", stage="train", settings=trained, batch=trained.batch)]
    for batch in plan.batches:
        found.append(Case(name="evaluate", stage="eval", settings=settings, batch=batch))
        found.append(Case(name="inference", stage="vis", settings=every_frame, batch=batch))
    found.append(Case(name="export", stage="export", settings=settings))
    found.append(Case(name="convert-data", stage="convert-data", settings=settings))
    return tuple(found)


def block(settings: Settings, plan: Bench, name: str) -> Settings:
    """A workspace of its own with just the frames that a block of training needs."""
    whole, own = Workspace(settings.workspace), Workspace(settings.workspace / name)
    stems = {split: sorted(path.stem for path in (whole.data / split / "images").iterdir()) for split in SPLITS}
    by_step = resolve(settings).identity.name != "tao"
    kept, epochs = block_of_training(plan, batch=settings.frames_per_step, frames=len(stems["train"]), by_step=by_step)
    for split, names in stems.items():
        for content in ("images", "labels"):
            chosen = names[: kept if split == "train" else FEW_FRAMES]
            link_view(whole.data / split / content, own.data / split / content, chosen)
    lay_out(whole, own, settings.dataset.archive)
    link_or_copy(whole.path(ANCHORS), own.path(ANCHORS))
    recipe = replace(settings.recipe, checkpoint_interval=epochs)  # judged and saved once, at the end
    few = replace(settings, workspace=own.root, recipe=recipe, epochs=epochs)
    task = workflow.KINDS["convert-data"](settings=few)
    attempt = Attempt.begin(task.name, fingerprint="block", settings=few)
    with _quiet():
        task.perform(attempt)
    for product in task.products():
        publish(attempt.staged(product), own.path(product))
    return few


def long_training(few: Settings, plan: Bench, *, step_s: float) -> Case:
    """A training of a block's frames that lasts for all the spells with and without the sampler."""
    steps = math.ceil(plan.sampler_pairs * 2 * SPELL_S / step_s)
    epochs = math.ceil(steps / math.ceil(_count(few, "train") / few.frames_per_step))
    recipe = replace(few.recipe, checkpoint_interval=epochs)
    return Case(name="sampler", stage="train", settings=replace(few, recipe=recipe, epochs=epochs))


def chain(settings: Settings, plan: Bench) -> Work:
    """All nine stages once: the time of each, and what training told of its epochs."""
    for ending in workflow.run(settings, STAGES, verbose=False):
        if ending.error is not None:
            raise ending.error
    workspace = Workspace(settings.workspace)
    measurements: list[Measurement] = []
    phases = []
    for stage in STAGES:
        marker = read_marker(workspace, stage)
        assert marker is not None  # a stage without one has raised above
        began_s, ended_s = (unix_s(text) for text in (marker.started_utc, marker.finished_utc))
        measurements.append(Measurement(name="stage_s", of=stage, values=(marker.duration_s,)))
        phases.append({"phase": f"stage {stage}", "started_unix_s": began_s, "duration_s": marker.duration_s})
        told = engine_phases(workspace.attempts / stage, started_s=began_s, ended_s=ended_s)
        phases += told
        if stage == "train":
            log = (workspace.experiment / f"yolov4_training_log_{Experiment(settings).network}.csv").read_text()
            frames, batch = _count(settings, "train"), settings.frames_per_step
            measurements += timing.of_epochs(
                log, told, batch=batch, frames=frames, began_s=began_s, target=plan.target_map
            )
    verified = read_marker(workspace, "gen-valid")
    scores = json.loads(workspace.path(METRICS["test"]).read_text())
    return Work(
        measurements=(*measurements, Measurement(name="mAP", values=(scores["mAP"],))),
        phases=tuple(phases),
        images=_count(settings, "train") * settings.epochs,
        conditions={"data_sha256": verified.outcome if verified else None},
    )


def _ask(name: str, task: Stage, attempt: Attempt) -> None:
    if name != "evaluate":
        task.perform(attempt)
        return
    # The stage evaluates two splits; the first of its requests is about the test frames.
    task.experiment.write_run_file(attempt.folder, "test", validation="test")
    attempt.ask(task.requests(attempt.folder)[0])


def _set_batch(settings: Settings, batch: int) -> None:
    """Edit the bench's own copy of the spec: the batch of eval_config is that of inference, too."""
    where = r"(eval_config\s*\{[^}]*?\bbatch_size\s*:\s*)\d+"
    text, found = re.subn(where, rf"\g<1>{batch}", Experiment(settings).template)
    if not found:
        raise ConfigError(f"{settings.recipe.spec}: no batch_size in eval_config", remedy="add a line batch_size: 1")
    write_text(Workspace(settings.workspace).specs / settings.recipe.spec, text)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What engines print is in the logs of their attempts, and five times over it is nothing to look at."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


def _count(settings: Settings, split: str) -> int:
    return len(list((Workspace(settings.workspace).data / split / "images").iterdir()))
