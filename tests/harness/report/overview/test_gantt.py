import pytest

from harness.report.overview.gantt import chart
from harness.stages.tries import Fate, Try


def one_try(start_s, lasted_s, **more):
    given = {"stage": "train", "name": "n", "fate": Fate.DONE, "kept_s": lasted_s}
    return Try(started_s=start_s, ended_s=start_s + lasted_s, **given | more)


def test_tries_stand_where_they_were():
    shown = chart([one_try(1000.0, 30.0), one_try(1030.0, 70.0)])
    assert [bar.start for bar in shown.bars] == pytest.approx([0.0, 0.3])
    assert [bar.end for bar in shown.bars] == pytest.approx([0.3, 1.0])
    assert (shown.cuts, shown.shown_s) == ((), 100.0)


def test_tries_side_by_side_overlap():
    shown = chart([one_try(1000.0, 100.0), one_try(1050.0, 50.0)])
    assert (shown.bars[1].start, shown.bars[1].end) == pytest.approx((0.5, 1.0))


def test_a_long_pause_is_cut_out_and_told():
    shown = chart([one_try(1000.0, 50.0), one_try(1000.0 + 86400, 50.0)])
    assert shown.shown_s == pytest.approx(102.0)
    ((place, gap_s),) = shown.cuts
    assert (place, gap_s) == pytest.approx((51 / 102, 86350.0))
    assert shown.bars[1].start == pytest.approx(52 / 102)


def test_what_was_kept_ends_before_what_was_lost():
    (bar,) = chart([one_try(1000.0, 100.0, fate=Fate.FAILED, kept_s=25.0)]).bars
    assert bar.kept == pytest.approx(0.25)


def test_phases_lie_within_their_try():
    told = [
        {"phase": "epoch", "started_unix_s": 1020.0, "duration_s": 500.0},
        {"phase": "epoch", "started_unix_s": 5.0, "duration_s": 1.0},
    ]
    (bar,) = chart([one_try(1000.0, 100.0, phases=tuple(told))]).bars
    assert bar.phases == (("epoch", pytest.approx(0.2), 1.0),)


def test_tries_of_unknown_times_have_no_bar():
    assert chart([Try(stage="train", name="n", fate=Fate.CUT_SHORT, started_s=None, ended_s=None)]).bars == ()
    assert chart([]).bars == ()
