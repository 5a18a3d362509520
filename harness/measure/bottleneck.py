"""What limited training: the time that its device lost, and to what. docs/records.md has the truth table.

    idle while waiting   the host waited for data, and the device had nothing to do
    idle otherwise       the device had nothing to do although the host did not wait: it was too slow to ask

A device that computes while its host waits loses nothing; a host that does not wait may still be too slow.
A wait is known by its length, not by what the device did meanwhile, so the time idle while waiting is what
both allow: the lesser of the two. On a CPU the cores that compute also prepare data, and a wait is lost time.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.measure.record import Machine, Observed, Record, Verdict, used_gpus

Phases = Sequence[Mapping[str, Any]]
Figures = dict[str, float | None]
MANY_PCT = 20.0  # of training's time: the largest loss of at least as much is what limits it
FEW_PCT = 10.0  # losses of less do not
STARTING = ("launch", "start-up")
LOSSES = {"idle_waiting_pct": "data-starved", "idle_other_pct": "launch-bound"}
# Losses of the whole command; a block of training is too short to be judged by them.
LOSSES_OF_WHOLE = {"start_up_pct": "start-up-bound", "checkpoint_pct": "checkpoint-bound"}
TRY = {
    "compute-bound": "a smaller input size or network, mixed precision, or a faster device",
    "data-starved": "more CPU cores for the job, frames nearer to the processor, or less augmentation",
    "checkpoint-bound": "a longer checkpoint_interval, or a faster file system for the workspace",
    "launch-bound": "a larger BATCH, so that each operation is worth its launch",
    "start-up-bound": "more EPOCHS in one run: its start is the same for any number",
    "throttled": "cooling, or a higher power limit: ask whoever runs the machine",
    "cannot tell": "a longer run that the sampler watches, with an engine that tells its steps",
}
WHY = {
    "start_up_pct": "{:.0f} % of training went into starting",
    "checkpoint_pct": "{:.0f} % of training went into saving checkpoints",
    "idle_waiting_pct": "the device was idle for {:.0f} % of training while it waited for data",
    "idle_other_pct": "the device was idle for {:.0f} % of training although it did not wait for data",
    "throttled_pct": "the device was busy, and its clock was held down for {:.0f} % of the time",
    "busy_pct": "the device was busy for {:.0f} % of the epochs' time",
}


def judge_training(record: Record, phases: Phases) -> Verdict:
    """What limited the training in `record`, whose `phases` and `observed` are summarised already.

    Args:
        record: of a case that trains.
        phases: every line of phases.jsonl.
    """
    whole = next((one for one in phases if one["phase"] == "stage train"), None)
    if whole is not None:  # a chain has other stages, too
        start_s, end_s = whole["started_unix_s"], whole["started_unix_s"] + whole["duration_s"]
        phases = [one for one in phases if start_s - 0.01 <= one["started_unix_s"] < end_s]
    means = next((one.means for one in record.phases if one.phase == "epoch"), {})
    others_pct = _others_pct(means, record)
    is_shared = others_pct >= FEW_PCT
    figures = {
        **_of_host(phases),
        "busy_pct": None if is_shared else _busy_pct(means, record),
        "others_pct": others_pct,
        "throttled_pct": _throttled_pct(record.observed),
        "host_cpu_pct": means.get("host_cpu_pct"),
    }
    # What is lost in epochs is a share of the whole training, as what is lost before and between them.
    epochs = (figures["epochs_pct"] or 0.0) / 100 if whole is not None else 1.0
    lost = {} if is_shared else _losses(figures, on_gpu=_is_on_gpu(record), epochs=epochs)
    figures |= dict.fromkeys(LOSSES) | lost
    return judge(figures, is_whole=whole is not None)


def judge(figures: Mapping[str, float | None], *, is_whole: bool) -> Verdict:
    """The word for these figures, the figure that decided, and what to try."""
    word, decided_by = _decide(figures, LOSSES | (LOSSES_OF_WHOLE if is_whole else {}))
    value = figures.get(decided_by)
    why = _doubt(figures) if value is None or word == "cannot tell" else WHY[decided_by].format(value)
    return Verdict(word=word, why=why, figures=figures, decided_by=decided_by, remedy=TRY[word])


def _decide(figures: Mapping[str, float | None], losses: Mapping[str, str]) -> tuple[str, str]:
    known = {name: figures[name] or 0.0 for name in losses if figures[name] is not None}
    largest = max(known, key=lambda name: known[name], default="")
    if largest and known[largest] >= MANY_PCT:
        return losses[largest], largest
    if (figures["others_pct"] or 0.0) >= FEW_PCT:
        return "cannot tell", "others_pct"
    if not all(name in known for name in LOSSES):
        return "cannot tell", "busy_pct" if figures["busy_pct"] is None else "wait_pct"
    if known[largest] >= FEW_PCT:
        return "cannot tell", largest
    throttled = figures["throttled_pct"]
    return ("throttled", "throttled_pct") if (throttled or 0.0) >= MANY_PCT else ("compute-bound", "busy_pct")


def _doubt(figures: Mapping[str, float | None]) -> str:
    if (figures["others_pct"] or 0.0) >= FEW_PCT:
        return f"others used the device for {figures['others_pct']:.0f} % of the epochs' time"
    if figures["busy_pct"] is None:
        return "nobody saw how busy the device was"
    if figures["wait_pct"] is None:
        return f"the device was busy {figures['busy_pct']:.0f} % of the time, and the engine tells no waits"
    idle = f"{figures['idle_waiting_pct']:.0f} % of the time while waiting for data"
    return (
        f"the device was idle {idle}, and {figures['idle_other_pct']:.0f} % otherwise: neither few nor many"
    )


def _of_host(phases: Phases) -> Figures:
    """Shares of time by the host's clocks."""
    whole_s = sum(one["duration_s"] for one in phases if one["phase"] == "stage train")
    lasted_s = {
        name: sum(one["duration_s"] for one in phases if one["phase"] == name)
        for name in (*STARTING, "epoch", "validation", "checkpoint")
    }
    total_s = whole_s or sum(lasted_s.values())
    epochs = [one for one in phases if one["phase"] == "epoch"]
    wait_s, work_s = (sum(sum(one.get(name, ())) for one in epochs) for name in ("wait_s", "work_s"))
    return {
        "start_up_pct": _share(sum(lasted_s[name] for name in STARTING), total_s if epochs else 0.0),
        "checkpoint_pct": _share(lasted_s["checkpoint"], total_s if epochs else 0.0),
        "epochs_pct": _share(lasted_s["epoch"], total_s),
        "wait_pct": _share(wait_s, wait_s + work_s if work_s else 0.0),
    }


def _share(part: float, whole: float) -> float | None:
    return min(round(100 * part / whole, 2), 100.0) if whole else None


def _is_on_gpu(record: Record) -> bool:
    """Where the network computed: as the engine says, else on a GPU where there is one."""
    told = record.facts.get("device")
    return told != "cpu" if told else record.machine is not None and bool(record.machine.gpus)


def _busy_pct(means: Mapping[str, float | None], record: Record) -> float | None:
    """How busy the device was: the least busy GPU of those that were used, or the cores that we may use."""
    if not _is_on_gpu(record):
        busy = means.get("tree_cpu_pct")
        # A process that begins or ends between two samples can count for more than there is.
        return None if busy is None else min(busy / _share_of_cores(record.machine), 100.0)
    used = [means.get(f"{gpu}_utilisation_pct") for gpu in used_gpus(record) or ("gpu0",)]
    known = [value for value in used if value is not None]
    return min(known) if len(known) == len(used) else None


def _others_pct(means: Mapping[str, float | None], record: Record) -> float:
    """The time for which others used the device; of a GPU that others are on it may be all of it."""
    if _is_on_gpu(record):
        seen = record.observed
        are_there = seen is not None and seen.other_gpu_processes and not record.facts.get("gpus_exclusive")
        return 100.0 if are_there else 0.0
    everybody, ours = means.get("host_cpu_pct"), means.get("tree_cpu_pct")
    return 0.0 if everybody is None or ours is None else min(max(everybody - ours, 0.0), 100.0)


def _share_of_cores(machine: Machine | None) -> float:
    if machine is None or machine.cpu_limit is None:
        return 1.0
    return min(machine.cpu_limit / machine.cores, 1.0)


def _throttled_pct(seen: Observed | None) -> float | None:
    if seen is None or seen.throttled_pct is None:
        return None
    return max(seen.throttled_pct.values(), default=0.0)


def _losses(figures: Mapping[str, float | None], *, on_gpu: bool, epochs: float) -> Figures:
    """The time that the device lost in epochs, which are that share of the training."""
    wait, busy = figures["wait_pct"], figures["busy_pct"]
    waiting = other = None
    if wait is not None and not on_gpu:
        waiting = wait * epochs
    if wait is not None and busy is not None:
        idle = 100.0 - busy
        lost = min(wait, idle) if on_gpu else wait
        waiting, other = lost * epochs, max(idle - lost, 0.0) * epochs
    return {
        "idle_waiting_pct": None if waiting is None else round(waiting, 2),
        "idle_other_pct": None if other is None else round(other, 2),
    }
