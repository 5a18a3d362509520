"""What a bench measures, and how often: `specs/bench.toml`."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.errors import ConfigError
from harness.settings.declared import SPECS, read_toml
from harness.settings.table import from_table

PLAN = SPECS / "bench.toml"
SETTLED = 1.1  # after warm-up no step takes longer than this, as a multiple of a usual step
SETTLED_STEPS = 3  # in a row, which end the warm-up
SESSION_GAP_S = 1800.0  # from the end of a session to the next: nearer ones share what slows a machine down
SESSION = re.compile(r"(\d{8}T\d{6}Z-[0-9a-f]{4})-(\d+)")  # name of a bench that is one of several sessions


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchPlan:
    """The plan of a bench, for one recipe."""

    repeats: int = 5  # of each case; cases take turns
    session_spread_pct: float = 6.0  # standard deviation between sessions, where too few tell it
    session_gap_s: float = SESSION_GAP_S  # how long SESSIONS=... waits between two
    epochs: int = 0  # of the chain's training; 0: as many as the settings say
    train_steps: int = 20  # of a block of training, after warm-up
    warm_up_steps: int = 10  # at least; more where steps have not settled by then
    run_s: float = 5.0  # a case is repeated until a run has lasted so long: a shorter one is hardly watched
    batches: tuple[int, ...] = (1, 8)  # frames at once, in evaluation and inference
    target_map: float = 0.4  # training is timed to this mAP on the validation frames, a fraction
    host_name: bool = False  # write the host's name into records, in place of its hash


def load_plan(recipe: str) -> BenchPlan:
    """What `specs/bench.toml` plans for a recipe.

    Raises:
        ConfigError: a line has an unknown name, or a value that cannot be right.
    """
    table = read_toml(PLAN)
    of_recipe = table.pop("recipes", {}).get(recipe, {})
    plan = from_table(BenchPlan, {**table, **of_recipe}, where=str(PLAN))
    smallest_batch = min(plan.batches, default=0)
    numbers = (("repeats", plan.repeats), ("train_steps", plan.train_steps), ("batches", smallest_batch))
    for name, number in numbers:
        if number < 1:
            raise ConfigError(f"{PLAN}: {name} has {number}, expected 1 or more", remedy="correct the line")
    if not 0 < plan.session_spread_pct < 100 or plan.session_gap_s < 0:
        given = f"{plan.session_spread_pct} and {plan.session_gap_s}"
        raise ConfigError(
            f"{PLAN}: session_spread_pct and session_gap_s have {given}, expected percent and seconds",
            remedy="correct the lines",
        )
    return plan


def set_of(bench: str) -> str:
    """The name that all sessions of a bench share: its own, without the number of the session."""
    session = SESSION.fullmatch(bench)
    return session[1] if session else bench


def block_of_training(plan: BenchPlan, *, batch: int, frames: int, by_step: bool) -> tuple[int, int]:
    """How many training frames to keep and how many epochs to train, for a block to have its steps.

    Args:
        plan: the plan.
        batch: frames a step.
        frames: there are to train on.
        by_step: the engine tells the times of its steps; else the first epoch is the warm-up, and the last
            one, after which it validates and saves, is not measured.
    """
    steps = plan.train_steps + plan.warm_up_steps if by_step else plan.train_steps
    kept = min(steps * batch, frames)
    return kept, math.ceil(steps / math.ceil(kept / batch)) + (0 if by_step else 2)


def warm_up(steps_s: Sequence[float], *, least: int) -> int:
    """How many steps belong to the warm-up: all until three in a row are settled, and at most half of them.

    A step is settled that takes no longer than 1.1 times the median of the second half.
    """
    half = len(steps_s) // 2
    usual_s = float(np.median(steps_s[half:])) if steps_s else 0.0
    for first in range(half):
        if max(steps_s[first : first + SETTLED_STEPS]) <= SETTLED * usual_s:
            return max(first, min(least, half))
    return half
