"""`bench` and `scaling`: cases are measured repeatedly, in turn, and each leaves a record of its own."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from harness.engine.find import resolve
from harness.errors import HarnessError
from harness.files import remove
from harness.measure import cases, facts, micro, sessions
from harness.measure.cases import Case
from harness.measure.efficiency import CASE, with_efficiency
from harness.measure.energy import remarks
from harness.measure.fact_table import FACTS
from harness.measure.matmul_rates import MatmulRates
from harness.measure.page_cache import caches_of_frames, warm_frames
from harness.measure.plan import BenchPlan, load_plan
from harness.measure.record import Condition, Machine, Record, Run
from harness.measure.record_files import read_records
from harness.measure.recording import Recording
from harness.process.signals import Interrupted
from harness.queue.notes import cost_so_far
from harness.queue.slurm import is_over
from harness.settings.numbers import FP32
from harness.settings.recipe import UNSAID
from harness.settings.variables import Settings
from harness.stages.experiment import Experiment
from harness.verdict import Verdict
from harness.workspace.layout import Workspace
from harness.workspace.lock import holder_of, is_alive, workspace_lock
from harness.workspace.machine_paths import places_of, without_machine_paths
from harness.workspace.marker import digest_of

PROBE_VERSION = 2  # raised by hand when the sampler reads or costs something else
FOLDER = ".bench"  # of a workspace: where benches work, so that links hold and products stay as they are
CONDITIONS = (
    *("seed", "batch", "epochs", "gpus", "nodes", "limit", "val_split_pct", "pretrained_sha256"),
    *("gpu_hz", "host_hz"),
)
Say = Callable[[str], None]


def bench(settings: Settings, *, say: Say, scaling: bool = False, count: int = 1) -> list[Record]:
    """Measure, and leave a record of each case in `settings.results`, whatever becomes of it.

    With `scaling` the cases are those of a scaling study, on as many GPUs as the settings say.
    With a `count` above 1 this is the next session of a bench that has so many.

    Raises:
        ConfigError: this machine is not the platform; nothing is written.
        Interrupted: what was under way is recorded as truncated.
    """
    plan = load_plan(settings.recipe.name)
    machine = facts.machine(host_name=plan.host_name)
    facts.require_platform_match(settings.platform, machine, os.environ)
    user = Workspace(settings.workspace)
    if plan.epochs and settings.origins["epochs"].startswith("recipe "):
        # Evaluated after every epoch, for the time to a mAP: the epochs are few.
        recipe = replace(settings.recipe, checkpoint_interval=1)
        settings = replace(settings, epochs=plan.epochs, recipe=recipe)
    _sweep(user)
    own = Workspace(user.root / FOLDER / _name(settings, count))
    cases.link_inputs(user, own, settings.dataset.archive)
    with workspace_lock(own, say=say, is_over=is_over):
        try:
            session = _Bench(user, replace(settings, workspace=own.root), plan, machine, say)
            return session.run(session.scaling if scaling else session.everything)
        finally:
            if settings.origins["keep"] == "built-in" or not settings.keep:
                remove(own.root)
            else:
                say(f"kept: {own.root}")


def _name(settings: Settings, count: int) -> str:
    records = sessions.newest_sessions(settings.results, settings.platform.name, settings.recipe.name)
    conditions = {name: getattr(settings, name) for name in CONDITIONS}
    return sessions.next_name(records, count, code=facts.code(resolve(settings)), conditions=conditions)


def _sweep(user: Workspace) -> None:
    """Remove what killed benches of this host left behind; those kept on purpose hold no lock."""
    for lock in (user.root / FOLDER).glob("*/.lock"):
        holder = holder_of(Workspace(lock.parent))
        if holder and is_alive(holder, is_over) is Verdict.NO:
            remove(lock.parent)


class _Bench:
    def __init__(
        self,
        user: Workspace,
        settings: Settings,
        plan: BenchPlan,
        machine: Machine,
        say: Say,
    ) -> None:
        self._user, self._settings, self._plan, self._say = user, settings, plan, say
        self._machine, self._code = machine, facts.code(resolve(settings))
        self._rates = MatmulRates(settings, say)
        self._facts = facts.surroundings(machine, settings.workspace, os.environ)
        self._data: Condition = None  # digest of the data, once it is known
        self._spec = digest_of(Experiment(settings).template)
        self._open: dict[str, Recording] = {}
        self._closed: list[Record] = []

    def run(self, work: Callable[[], None]) -> list[Record]:
        """All cases of `work`; one that fails takes no further turns, and the others go on."""
        try:
            work()
            for key in [*self._open]:
                self._close(key)
        except BaseException as error:
            reason = str(error) if isinstance(error, Interrupted) else f"the bench ended: {error}"
            reason = self._for_strangers(reason)
            for key in [*self._open]:
                self._close(key, "truncated", reason)
            raise
        return self._closed

    def everything(self) -> None:
        """The whole chain once, then single cases and single operations."""
        if self._attempt("chain", self._chain):
            self._take_turns(cases.bench_cases(self._settings, self._plan))
            if reason := micro.missing(self._settings):
                self._say(f"micro: left out, {reason}")
            else:
                self._attempt("micro", self._micro)

    def scaling(self) -> None:
        """Training alone."""
        self._data = cases.prepare_training(self._settings)
        self._take_turns(cases.scaling_cases(self._settings, self._plan))

    def _take_turns(self, every: Sequence[Case]) -> None:
        if not warm_frames(Workspace(self._settings.workspace).data):
            self._say("the frames are too many to be kept in memory: cases read them from where they lie")
        running = [*every]
        for number in range(1, self._plan.repeats + 1):
            for case in [*running]:
                self._say(f"block {number} of {self._plan.repeats}: {case.key}")
                if not self._attempt(case.key, partial(self._repeat, case)):
                    running.remove(case)

    def _repeat(self, case: Case) -> None:
        recording = self._recording(case.key, case.name, case.settings, **case.conditions(self._plan))
        self._tell(case.key, recording.measure(lambda: case.run(self._plan), least_s=self._plan.run_s))

    def _chain(self) -> None:
        recording = self._recording("chain", "chain", self._settings, target_map=self._plan.target_map)
        self._tell("chain", recording.measure(lambda: cases.chain(self._settings, self._plan)))
        self._data = recording.record.conditions["data_sha256"]
        self._close("chain")

    def _micro(self) -> None:
        recording = self._recording("micro", "micro", self._settings)
        recording.measure(lambda: micro.run(self._settings, recording.folder), probed=False)
        self._close("micro")

    def _tell(self, key: str, run: Run) -> None:
        for line in remarks(run.energy):
            self._say(f"{key}: {line}")

    def _attempt(self, key: str, work: Callable[[], None]) -> bool:
        try:
            work()
        except HarnessError as error:
            self._say(f"{key} failed: {error.message}\n  try: {error.remedy}")
            self._close(key, "failed", self._for_strangers(error.message))
            return False
        return True

    def _for_strangers(self, text: str) -> str:
        """Records are published, and the folder in which somebody works is private."""
        return without_machine_paths(text, places_of(self._settings.workspace, self._user.root, Path.home()))

    def _recording(self, key: str, case: str, settings: Settings, **more: Condition) -> Recording:
        """The record of a case, begun when it first has its turn."""
        if key not in self._open:
            record = Record(
                id="",
                bench=self._settings.workspace.name,
                platform=settings.platform.name,
                case=case,
                status="truncated",
                started_utc="",
                finished_utc=None,
                conditions={**self._conditions(settings, case), **more},
                machine=self._machine,
                code=self._code,
                environment=facts.environment(os.environ),
                facts={**self._facts, "data_caches": caches_of_frames(Workspace(settings.workspace).data)},
            )
            self._open[key] = Recording.begin(record, settings)
        return self._open[key]

    def _conditions(self, settings: Settings, case: str) -> dict[str, Condition]:
        engine, recipe = resolve(settings).identity, settings.recipe
        choices = {"checkpoint": settings.checkpoint, "anchors": recipe.anchors}
        conditions: dict[str, Condition] = {
            "recipe": recipe.name,
            "data_sha256": self._data,
            "spec_sha256": self._spec,
            "engine": engine.name,
            "engine_version": engine.version,
            "image_sha256": engine.image_digest,
            "precision": recipe.precision,
            "mixed_precision": settings.numbers != FP32,
            "probe_version": PROBE_VERSION,
            **{name: getattr(settings, name) for name in CONDITIONS},
            **{name: value for name, value in choices.items() if value != UNSAID[name]},
        }
        foreign = {fact.path.partition(".")[2] for fact in FACTS if fact.cases and case not in fact.cases}
        return {name: value for name, value in conditions.items() if name not in foreign}

    def _close(self, key: str, status: str = "ok", reason: str = "") -> None:
        recording = self._open.pop(key, None)
        if recording is not None:
            record = replace(recording.record, jobs=cost_so_far(self._user, os.environ))
            if record.case == CASE:
                record = with_efficiency(record, read_records(self._settings.results)[0])
            recording.record = self._rates.applied_to(record) if status == "ok" else record
            self._closed.append(recording.close(status, reason))
