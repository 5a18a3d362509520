"""Why B is slower than A: pairs whose cause is known, because the test made it."""

import numpy as np
import pytest

from harness.measure.time_parts import spent
from harness.measure.waterfall import waterfall
from harness.verdict import Verdict
from tests.harness import made

RUNS, LENGTH_S = 5, 60.0


def runs(seed, *, queue_s=0.0, lost_s=0.0, ending_s=1.0, hidden_s=0.0, **seconds):
    """Five runs of a training whose parts scatter by a percent."""
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(RUNS):
        scatter = {
            "start_up": 2.0,
            "wait": 1.0,
            "compute": 30.0,
            "validation": 3.0,
            "checkpoints": 1.0,
        } | seconds
        parts = {
            name: value if name == "tells_steps" else value * generator.normal(1.0, 0.01)
            for name, value in scatter.items()
        }
        told = made.training_phases(start_s=0.0, **parts)
        end_s = told[-1]["started_unix_s"] + told[-1]["duration_s"]
        if hidden_s:  # before the last phase, in no phase
            told[-1]["started_unix_s"] += hidden_s
            end_s += hidden_s
        found.append(spent(told, (0.0, end_s + ending_s), queue_s=queue_s, lost_s=lost_s))
    return found


PAIRS = {
    "data wait": {"wait": 9.0},
    "compute": {"compute": 36.0},
    "start-up": {"start_up": 12.0},
    "validation": {"validation": 8.0},
    "checkpoints": {"checkpoints": 6.0},
    "queue": {"queue_s": 30.0},
    "staging": {"staging": 5.0},
    "lost work": {"lost_s": 20.0},
    "ending": {"ending_s": 7.0},
}


@pytest.mark.parametrize(("cause", "change"), PAIRS.items())
def test_the_cause_of_a_difference_is_named_and_nothing_else(cause, change):
    fall = waterfall(runs(1), runs(2, **change), declared_pct=0.0)
    assert fall.total.is_change is Verdict.YES
    assert [row.name for row in fall.causes] == [cause]
    assert fall.is_explained is Verdict.YES
    assert fall.unexplained_pct <= 2.0


@pytest.mark.parametrize(("cause", "change"), PAIRS.items())
def test_the_same_cause_makes_it_faster_when_the_sides_change_places(cause, change):
    fall = waterfall(runs(2, **change), runs(1), declared_pct=0.0)
    assert fall.total.difference_s < 0
    assert [row.name for row in fall.causes] == [cause]


def test_two_causes_are_named_the_larger_one_first():
    fall = waterfall(runs(1), runs(2, wait=6.0, start_up=12.0), declared_pct=0.0)
    assert [row.name for row in fall.causes] == ["start-up", "data wait"]


def test_a_gain_in_one_part_is_no_cause_of_a_loss_in_another():
    fall = waterfall(runs(1), runs(2, wait=21.0, validation=1.0), declared_pct=0.0)
    assert [row.name for row in fall.causes] == ["data wait"]


def test_parts_add_up_to_the_difference():
    fall = waterfall(runs(1), runs(2, wait=9.0, compute=25.0), declared_pct=0.0)
    assert sum(row.difference_s for row in fall.rows) == pytest.approx(fall.total.difference_s)
    assert sum(row.a_s for row in fall.rows) == pytest.approx(fall.total.a_s)


def test_of_equal_sides_nothing_is_a_cause():
    fall = waterfall(runs(1), runs(2), declared_pct=0.0)
    assert fall.total.is_change is Verdict.NO
    assert fall.causes == ()


def test_time_in_no_phase_is_told_as_unexplained_and_not_given_to_a_part():
    fall = waterfall(runs(1), runs(2, hidden_s=8.0), declared_pct=0.0)
    assert [row.name for row in fall.causes] == ["unexplained"]
    assert fall.is_explained is Verdict.NO


def test_where_one_engine_tells_no_steps_epochs_are_compared_as_a_whole():
    fall = waterfall(runs(1), runs(2, compute=40.0, tells_steps=False), declared_pct=0.0)
    assert [row.name for row in fall.causes] == ["epochs"]
    assert {"compute", "data wait", "validation", "checkpoints"}.isdisjoint(row.name for row in fall.rows)
    epochs = next(row for row in fall.rows if row.name == "epochs")
    assert epochs.a_s == pytest.approx(35.0, rel=0.02)


def test_one_run_on_each_side_tells_no_interval():
    fall = waterfall(runs(1)[:1], runs(2, wait=9.0)[:1], declared_pct=0.0)
    assert fall.total.is_change is Verdict.CANNOT_TELL
    assert (fall.total.low_s, fall.total.high_s) == (None, None)
    assert fall.causes[0].name == "data wait"


def test_the_declared_spread_between_sessions_widens_every_interval():
    narrow, wide = (waterfall(runs(1), runs(2, wait=2.0), declared_pct=pct) for pct in (0.0, 6.0))
    assert narrow.total.is_change is Verdict.YES
    assert wide.total.is_change is Verdict.NO
    # 6 % of 38 s on both sides, times 1.96: within 5 % where the runs hardly scatter
    assert wide.total.high_s - wide.total.low_s == pytest.approx(2 * 1.96 * 0.06 * 38 * 2**0.5, rel=0.05)


def test_an_interval_is_welchs():
    # By hand: variances 1 / 3 and (20 / 3) / 4, so an error of sqrt(2) and 4.0755 degrees of freedom, whose
    # 97.5th percentile is 2.7563 (Simpson's rule on the density).
    a, b = ([spent([], (0.0, value)) for value in values] for values in ([4, 5, 6], [7, 9, 11, 13]))
    fall = waterfall(a, b, declared_pct=0.0)
    assert fall.total.difference_s == 5.0
    assert (fall.total.low_s, fall.total.high_s) == pytest.approx(
        (5 - 2.7563 * 2**0.5, 5 + 2.7563 * 2**0.5), abs=1e-3
    )


def test_there_is_no_waterfall_without_runs():
    assert waterfall([], runs(1), declared_pct=0.0) is None
