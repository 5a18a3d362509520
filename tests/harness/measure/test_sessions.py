import re
import time
from dataclasses import replace

import pytest

from harness.clock import utc
from harness.measure.plan import BenchPlan
from harness.measure.record_files import begin_record, close_record
from harness.measure.sessions import finished, newest_sessions, next_name, pause_s, told_of
from tests.harness.made import record

SET, OTHER = "20260301T101200Z-7c4e", "20260201T101200Z-aaaa"
CONDITIONS = {"seed": 42, "batch": 4}


def chain(bench, **words):
    return record("chain", [1.0], bench=bench, **words)


def sessions(*benches, **words):
    """Records of sessions that ended well."""
    return [one for bench in benches for one in (chain(bench, **words), record(bench=bench))]


def name_after(records, count=3, *, code=None, conditions=CONDITIONS):
    return next_name(records, count, code=code or records[0].code, conditions=conditions)


def test_one_session_has_a_name_without_a_number():
    made = chain("x")
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{4}", next_name([], 1, code=made.code, conditions={}))
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{4}-1", next_name([], 3, code=made.code, conditions={}))


def test_a_bench_goes_on_until_it_has_its_sessions():
    assert name_after(sessions(f"{SET}-1")) == f"{SET}-2"
    assert name_after(sessions(f"{SET}-1", f"{SET}-2")) == f"{SET}-3"
    assert not name_after(sessions(f"{SET}-1", f"{SET}-2", f"{SET}-3")).startswith(SET)


def test_a_session_that_was_cut_short_keeps_its_number_and_does_not_count():
    cut = record("train", [1.0], bench=f"{SET}-2", status="truncated")
    records = [*sessions(f"{SET}-1"), chain(f"{SET}-2"), cut]

    assert finished(records) == 1
    assert name_after(records) == f"{SET}-3"


def test_a_session_of_which_the_chain_alone_was_measured_is_not_finished():
    records = [*sessions(f"{SET}-1"), chain(f"{SET}-2")]

    assert finished(records) == 1
    assert name_after([*records, *sessions(f"{SET}-3")]) == f"{SET}-4"


def test_other_code_and_other_settings_are_another_bench():
    one = chain(f"{SET}-1")

    assert not name_after([one], code=replace(one.code, git_commit="f" * 40)).startswith(SET)
    assert not name_after([one], code=replace(one.code, dirty=("harness/cli.py",))).startswith(SET)
    assert not name_after([one], conditions={**CONDITIONS, "seed": 7}).startswith(SET)


@pytest.fixture
def results(tmp_path):
    every = [
        *(chain(f"{OTHER}-1"), chain(f"{SET}-1"), chain(f"{SET}-2"), chain("20260401T101200Z-bbbb")),
        *(chain(f"{SET}-3", conditions={"recipe": "smoke"}), chain(f"{SET}-4", platform="jade")),
    ]
    for number, one in enumerate(every):
        one = replace(one, id=f"{number:04}")
        close_record(begin_record(tmp_path, one), one)
    return tmp_path


def test_the_newest_sessions_are_those_of_one_bench_platform_and_recipe(results):
    assert [one.bench for one in newest_sessions(results, "local", "sample")] == [f"{SET}-1", f"{SET}-2"]
    assert newest_sessions(results, "tursa", "sample") == []


def test_the_next_session_waits_until_it_lies_apart(monkeypatch):
    now_s = time.time()
    monkeypatch.setattr(time, "time", lambda: now_s)
    one = [replace(each, finished_utc=utc(now_s - 600)) for each in sessions(f"{SET}-1")]

    assert pause_s(one, 3, BenchPlan()) == pytest.approx(1200, abs=0.01)
    assert pause_s(one, 3, BenchPlan(session_gap_s=300.0)) == 0.0
    assert pause_s(one, 1, BenchPlan()) == 0.0  # it is done: another one begins at once
    assert pause_s([], 3, BenchPlan()) == 0.0


@pytest.mark.parametrize(
    "moment", ["2026-13-45T99:99:99Z", "", "3026-03-01T10:15:00Z", "9999-12-31T23:59:59-23:59"]
)
def test_no_moment_that_a_record_tells_makes_a_bench_wait_for_longer(moment):
    one = [replace(each, finished_utc=moment or "soon") for each in sessions(f"{SET}-1")]
    assert pause_s(one, 3, BenchPlan(session_gap_s=300.0)) == 300.0


def test_sessions_back_to_back_are_told_to_count_by_the_declared_spread():
    assert told_of(BenchPlan()) == "sessions lie 30 minutes apart"
    assert "their spread counts as 6 % or more" in told_of(BenchPlan(session_gap_s=0.0))
