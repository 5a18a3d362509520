"""Where the time of a run went: parts that do not overlap, and what lies in none of them.

    queue         a job could have started, and waited
    staging       inputs were copied to the node's own disk
    start-up      from the launch of the engine to its first step
    data wait     the device waited for data, as the engine timed its steps
    compute       the rest of the steps
    validation, checkpoints
    epochs        the four above, of an engine that times epochs and not steps
    ending        from the engine's last phase to the end of its command
    other stages  all but training
    lost work     tries that were cut short, from what was last kept

Of a chain training is told apart, and of its other stages the whole. Evaluation and inference have batches
for steps.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from harness.engine.phases import STAGING
from harness.measure.record import Record, Run
from harness.stages.tries import Fate, Try

Phases = Sequence[Mapping[str, Any]]
Span = tuple[float, float]  # start and end, in seconds since 1970
QUEUE, START_UP, WAIT, COMPUTE = "queue", "start-up", "data wait", "compute"
VALIDATION, CHECKPOINTS, EPOCHS = "validation", "checkpoints", "epochs"
ENDING, OTHERS, LOST = "ending", "other stages", "lost work"
PARTS = (QUEUE, STAGING, START_UP, WAIT, COMPUTE, VALIDATION, CHECKPOINTS, EPOCHS, ENDING, OTHERS, LOST)
OF_EPOCHS = (WAIT, COMPUTE, VALIDATION, CHECKPOINTS)  # which are one where an engine times epochs alone
STAGE = "stage "  # the name of a phase that is a whole stage begins with it
TRAIN = f"{STAGE}train"
OF_PHASE = {
    STAGING: STAGING,
    "launch": START_UP,
    "start-up": START_UP,
    "validation": VALIDATION,
    "checkpoint": CHECKPOINTS,
}
IN_STEPS = ("epoch", "evaluation", "inference")  # phases that are made of steps or batches


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """The time of one run, in seconds: `parts_s` by the names of PARTS, those of 0 s left out."""

    total_s: float
    parts_s: Mapping[str, float]

    @property
    def unexplained_s(self) -> float:
        """What lies in no part."""
        return self.total_s - sum(self.parts_s.values())

    def with_one_epoch_part(self) -> "Spent":
        """The same with the parts of an epoch together, to be compared with a run that does not tell them."""
        inside = [self.parts_s[name] for name in (*OF_EPOCHS, EPOCHS) if name in self.parts_s]
        rest = {name: value for name, value in self.parts_s.items() if name not in (*OF_EPOCHS, EPOCHS)}
        return replace(self, parts_s={**rest, **({EPOCHS: sum(inside)} if inside else {})})


def spent(phases: Phases, span: Span, *, queue_s: float = 0.0, lost_s: float = 0.0) -> Spent:
    """The parts of a run that lasted from `span[0]` to `span[1]`; phases outside of it are none of its own.

    Args:
        phases: those of the engine, and `stage ...` of whole stages, where the run had several.
        queue_s: that it waited before, and that are not in the span.
        lost_s: of earlier tries, which are not in the span either.
    """
    stages = [one for one in phases if one["phase"].startswith(STAGE)]
    training = [_span_of(one) for one in stages if one["phase"] == TRAIN]
    inside = training[0] if training else span
    of_engine = [one for one in phases if not one["phase"].startswith(STAGE)]
    if stages and not training:  # nothing of it is about training
        of_engine = []
    parts = _of_training(of_engine, inside)
    others = [_span_of(one) for one in stages if one["phase"] != TRAIN]
    known = parts | {QUEUE: queue_s, LOST: lost_s, OTHERS: _covered_s(others, span, but=training)}
    total_s = span[1] - span[0] + queue_s + lost_s
    return Spent(total_s=total_s, parts_s={name: known[name] for name in PARTS if known.get(name)})


def spent_of_run(record: Record, run: Run, phases: Phases) -> Spent:
    """The parts of one run of a record.

    A bench through a queue begins with its chain, so that what the queue cost is counted there.
    """
    cost = record.jobs if record.case == "chain" and run.number == 1 else None
    return spent(
        [one for one in phases if one.get("run", run.number) == run.number],
        (run.started_unix_s, run.started_unix_s + run.duration_s),
        queue_s=cost.queue_s if cost else 0.0,
        lost_s=cost.lost_s if cost else 0.0,
    )


def spent_of_tries(
    tries: Sequence[Try], made: Mapping[str, str] = MappingProxyType({}), *, queue_s: float = 0.0
) -> Spent | None:
    """The parts of what made a workspace as it is; None where no try tells its times.

    Of each stage those tries count that were begun with what its products were made with, or without products
    with what its newest one was begun with. The time between them, in which nobody worked, is no part of it.

    Args:
        tries: all of them, in the order of their starts.
        made: stage -> fingerprint of its marker.
    """
    wanted = {one.stage: one.meaning for one in tries}
    wanted |= {one.stage: one.meaning for one in tries if one.fingerprint == made.get(one.stage)}
    own = [one for one in tries if one.meaning == wanted[one.stage] and one.fate is not Fate.UNDER_WAY]
    timed = [(one, one.started_s, one.lasted_s) for one in own]
    parts = dict.fromkeys(PARTS, 0.0) | {QUEUE: queue_s}
    total_s, others = queue_s, []
    for one, started_s, lasted_s in timed:
        if started_s is None or lasted_s is None:
            continue
        kept = (started_s, started_s + min(one.kept_s, lasted_s))
        parts[LOST] += lasted_s - (kept[1] - kept[0])
        total_s += lasted_s - (kept[1] - kept[0])
        if one.stage != "train":
            others.append(kept)
            continue
        total_s += kept[1] - kept[0]
        for name, share_s in _of_training(one.phases, kept).items():
            parts[name] += share_s
    if others:
        parts[OTHERS] = _covered_s(others, (min(others)[0], max(end_s for _, end_s in others)), but=())
    total_s += parts[OTHERS]
    return (
        Spent(total_s=total_s, parts_s={name: parts[name] for name in PARTS if parts[name]}) if own else None
    )


def _of_training(phases: Phases, span: Span) -> dict[str, float]:
    """Seconds of each part in a span; of phases that overlap the earlier one has the time."""
    parts = dict.fromkeys(PARTS, 0.0)
    reached_s, last_s = span[0], None
    for one in sorted(phases, key=lambda one: (one["started_unix_s"], -one["duration_s"])):
        start_s, end_s = _span_of(one)
        if end_s <= span[0] or start_s >= span[1]:
            continue
        free_s = max(min(end_s, span[1]) - max(start_s, reached_s), 0.0)
        for name, share_s in _shares(one, free_s):
            parts[name] += share_s
            last_s = max(last_s or end_s, min(end_s, span[1]))
            reached_s = max(reached_s, min(end_s, span[1]))
    if last_s is not None:
        parts[ENDING] = span[1] - last_s
    return parts


def _shares(phase: Mapping[str, Any], free_s: float) -> Iterable[tuple[str, float]]:
    """The parts that `free_s` seconds of a phase belong to; none of a phase that lies within others."""
    name = phase["phase"]
    if name in OF_PHASE:
        yield OF_PHASE[name], free_s
    if name in IN_STEPS and "work_s" not in phase:
        yield EPOCHS, free_s
    elif name in IN_STEPS:
        scale = free_s / phase["duration_s"] if phase["duration_s"] > 0 else 0.0
        yield WAIT, scale * sum(phase["wait_s"])
        yield COMPUTE, scale * sum(phase["work_s"])


def _span_of(phase: Mapping[str, Any]) -> Span:
    return phase["started_unix_s"], phase["started_unix_s"] + phase["duration_s"]


def _covered_s(spans: Sequence[Span], within: Span, *, but: Sequence[Span]) -> float:
    """The time that any of the spans covers, each moment once: stages may run side by side."""
    edges = sorted({edge for span in (*spans, *but, within) for edge in span})
    covered_s = 0.0
    for start_s, end_s in itertools.pairwise(edges):
        middle_s = (start_s + end_s) / 2

        def holds(span: Span, moment_s: float = middle_s) -> bool:
            return span[0] <= moment_s < span[1]

        if holds(within) and any(map(holds, spans)) and not any(map(holds, but)):
            covered_s += end_s - start_s
    return covered_s
