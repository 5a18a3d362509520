"""The nine stages as luigi tasks, and the single call into luigi's scheduler.

The only module that imports luigi, which with tornado and asyncio costs more than a run that does nothing: it
is imported when a stage has to run.
"""

import contextlib
import gc
import json
import logging
import multiprocessing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import luigi
from luigi.execution_summary import LuigiStatusCode
from luigi.scheduler import Scheduler
from luigi.worker import TaskProcess, Worker

from harness.process.signals import Interrupted, die_with_parent
from harness.settings.variables import Settings
from harness.stages.attempt import early_end
from harness.stages.base import Stage
from harness.workspace.marker import STAGES

# tune-bdb and convert-data do not depend on each other.
WORKERS = 2
_classes: dict[type[Stage], type["StageTask"]] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What luigi says of a run.

    `early_ends` has what ended early, as an outcome says it; None where nothing is known but that it did,
    as of a process that was killed. `complaint` is "" where luigi has none.
    """

    early_ends: Mapping[str, dict[str, Any] | None]
    complaint: str


class Chain:
    """A run: its settings and number, the names of the stages known to be done in it, and its tasks."""

    def __init__(self, settings: Settings, run_id: str, done: set[str]) -> None:
        self.settings = settings
        self.run_id = run_id
        self.done = done
        self.tasks: dict[type[Stage], StageTask] = {}

    def task(self, kind: type[Stage]) -> "StageTask":
        """The one task of a stage; luigi's own look-up by parameters takes 0.1 ms each time."""
        if kind not in self.tasks:
            self.tasks[kind] = _task_class(kind)(chain=self)
        return self.tasks[kind]


class ChainParameter(luigi.Parameter):
    """A chain as a luigi parameter; what luigi prints of it is short and holds no secret."""

    def serialize(self, x: Chain) -> str:
        return f"{x.settings.recipe.name} in {x.settings.workspace}"


class StageTask(luigi.Task):
    """A stage as luigi sees it. Each look at the workspace is a new one, since other tasks change it."""

    kind: ClassVar[type[Stage]]
    chain: Chain = ChainParameter()  # type: ignore[assignment]

    @property
    def priority(self) -> int:  # type: ignore[override]
        # Among stages that may run, luigi takes the one of highest priority: the order of the workflow.
        return -STAGES.index(self.kind.name)

    @property
    def resources(self) -> dict[str, int]:  # type: ignore[override]
        # Two models at once would not fit into one GPU; luigi has one of each resource unless told otherwise.
        return {"model": 1} if self.kind.uses_model else {}

    def requires(self) -> list["StageTask"]:
        return [self.chain.task(kind) for kind in self.kind.upstream]

    def output(self) -> luigi.LocalTarget:
        return luigi.LocalTarget(str(self._stage().workspace.marker(self.kind.name)))

    def complete(self) -> bool:
        # luigi does not look beneath a complete task, so each stage looks at everything it depends on.
        # What was complete stays so within one run; luigi asks again and again.
        name, done = self.kind.name, self.chain.done
        if (
            name not in done
            and all(task.complete() for task in self.requires())
            and not self._stage().own_reasons()
        ):
            done.add(name)
        return name in done

    def run(self) -> None:
        die_with_parent()
        try:
            self._stage().run(self.chain.run_id)
        except Interrupted as error:
            if multiprocessing.parent_process() is None:
                raise
            raise SystemExit(128 + error.signal) from error

    def on_failure(self, exception: BaseException) -> str:
        # luigi keeps this text, also from another process: not every ending has a folder to be noted in.
        cause = exception.__cause__ if isinstance(exception, SystemExit) else None
        again = self.chain.settings.command(self.kind.name)
        return json.dumps(early_end(cause or exception, stage=self.kind.name, again=again))

    def _stage(self) -> Stage:
        return self.kind(self.chain.settings)


def _task_class(kind: type[Stage]) -> type[StageTask]:
    # luigi tells tasks apart by the names of their classes: one for each stage, made once.
    if kind not in _classes:
        _classes[kind] = type(kind.__name__, (StageTask,), {"kind": kind})
    return _classes[kind]


class StageWorker(Worker):
    """luigi's worker, which starts a process only for a stage that runs beside the next one."""

    def _create_task_process(self, task: StageTask) -> TaskProcess:
        # With two workers luigi would start one for every task, which costs 20 ms each and gains nothing:
        # what is heavy, or could bring a process down, is the engine, and that has a process of its own.
        process: TaskProcess = super()._create_task_process(task)
        process.use_multiprocessing = task.kind.beside_next
        return process


class _Factory:
    """Where luigi finds its scheduler and worker, whatever configuration the machine has."""

    def create_local_scheduler(self) -> Scheduler:
        self.scheduler = Scheduler(prune_on_get_work=True, record_task_history=False)
        return self.scheduler

    def create_worker(self, scheduler: Any, worker_processes: int, assistant: bool = False) -> StageWorker:
        # luigi calls a task that made nothing a success unless it is told to look again.
        options = {"check_complete_on_run": True, "wait_interval": 0.1, "wait_jitter": 0.0}
        return StageWorker(
            scheduler=scheduler, worker_processes=worker_processes, assistant=assistant, **options
        )

    def why_failed(self, task: StageTask) -> dict[str, Any] | None:
        """What `on_failure` said of a task; {} where luigi alone has words, None where it did not fail."""
        text = json.loads(self.scheduler.fetch_error(task.task_id)["error"] or "null")
        if text is None:
            return None
        with contextlib.suppress(ValueError):
            return dict(json.loads(text))
        return {}


def run_stages(
    settings: Settings, kinds: Sequence[type[Stage]], *, run_id: str, done: set[str], verbose: bool
) -> Answer:
    """Run stages and what they depend on; what failed raises nothing here.

    Args:
        run_id: what the attempts of this run note.
        done: names of stages that were found done, which are not looked at again.
        verbose: show luigi's own messages.

    Raises:
        Interrupted: a signal ended the run.
    """
    level = "INFO" if verbose else "CRITICAL"
    logging.getLogger("luigi").setLevel(level)
    chain, factory = Chain(settings, run_id, done), _Factory()
    gc.freeze()  # what is loaded by now stays: no collection, fork or end of the process looks at it again
    result = luigi.build(
        [chain.task(kind) for kind in kinds],
        worker_scheduler_factory=factory,
        workers=WORKERS,
        local_scheduler=True,
        log_level=level,
        detailed_summary=True,
    )
    ends = {task.kind.name: factory.why_failed(task) for task in chain.tasks.values()}
    went_well = result.status in (LuigiStatusCode.SUCCESS, LuigiStatusCode.SUCCESS_WITH_RETRY)
    return Answer(
        early_ends={name: end or None for name, end in ends.items() if end is not None},
        complaint="" if went_well else result.status.value[1],
    )
