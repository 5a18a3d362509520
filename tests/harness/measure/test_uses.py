"""What took a machine, read from records, tries and jobs."""

import pytest

from harness.measure.uses import count_of_list, uses_of_records, uses_of_workspace
from harness.queue.states import Allocation, Cost
from harness.stages.tries import Fate, Try
from tests.harness import made

JOBS = Cost(stays=2, queue_s=600.0, allocated_s=7200.0, lost_s=900.0, lost_steps=None, goodput_pct=87.5)


def test_a_record_took_the_time_of_its_runs_on_the_cores_that_it_may_use():
    (use,) = uses_of_records([made.record(rates=[30.0, 31.0])])
    assert (use.fate, use.duration_s, use.gpus, use.cores) == ("ok", 20.0, 0, 2.0)


def test_fewer_cores_count_where_a_limit_or_an_affinity_says_so():
    facts = {**made.FACTS, "cpu_affinity": "0"}
    (use,) = uses_of_records([made.record(rates=[30.0], facts=facts)])
    assert use.cores == 1.0


def test_gpus_are_those_of_all_machines():
    record = made.record(rates=[30.0], machine=made.machine(gpus=8), conditions={"gpus": 4, "nodes": 2})
    (use,) = uses_of_records([record])
    assert (use.gpus, use.machines) == (8, 2.0)


def test_of_an_imported_record_neither_cores_nor_gpus_are_known():
    (use,) = uses_of_records([made.record("imported", rates=[1.0], machine=None, conditions={"gpus": 0})])
    assert (use.gpus, use.cores) == (None, None)


@pytest.mark.parametrize("status", ["failed", "truncated"])
def test_a_record_that_did_not_end_well_is_lost_work_and_took_longer_than_its_runs(status):
    (use,) = uses_of_records([made.record(rates=[30.0], status=status)])
    assert (use.fate, use.lost_s, use.is_cut) == (status, 10.0, True)


def test_a_bench_through_a_queue_took_what_its_jobs_took_once():
    earlier = Cost(stays=1, queue_s=300.0, allocated_s=100.0, lost_s=0.0, lost_steps=None, goodput_pct=100.0)
    records = [made.record("chain", rates=[1.0], jobs=earlier), made.record(rates=[1.0], jobs=JOBS)]
    (use,) = uses_of_records(records)
    assert (use.duration_s, use.queue_s, use.lost_s) == (7200.0, 600.0, 900.0)


def test_benches_are_told_apart():
    records = [made.record(rates=[1.0], jobs=JOBS), made.record(rates=[1.0], bench="other")]
    assert [use.duration_s for use in uses_of_records(records)] == [7200.0, 10.0]


def one_try(start_s, **more):
    given = {"stage": "train", "name": "n", "fate": Fate.DONE, "started_s": start_s, "ended_s": start_s + 60}
    return Try(**given | {"kept_s": 60.0, "cores": 2, "gpus": 0, "machines": 1} | more)


def test_a_try_took_its_time_and_lost_what_was_not_kept():
    failed = one_try(1000.0, fate=Fate.FAILED, kept_s=20.0)
    (use,) = uses_of_workspace([failed], [])
    assert (use.fate, use.duration_s, use.lost_s, use.cores, use.gpus) == ("failed", 60.0, 40.0, 2, 0)


def test_a_try_that_ended_without_a_word_took_longer_than_to_where_it_was_heard_of():
    (use,) = uses_of_workspace(
        [one_try(1000.0, fate=Fate.CUT_SHORT, ended_s=None, heard_s=1030.0, kept_s=0.0)], []
    )
    assert (use.duration_s, use.lost_s, use.is_cut) == (30.0, 30.0, True)


def test_a_try_under_way_is_not_counted_yet():
    assert uses_of_workspace([one_try(1000.0, fate=Fate.UNDER_WAY, ended_s=None)], []) == []


def test_tries_in_a_job_are_paid_with_its_stay_on_the_nodes():
    stay = Allocation(
        eligible_s=500.0,
        started_s=900.0,
        ended_s=1200.0,
        kept_s=1100.0,
        finished=False,
        machines=2,
        cores=64,
        gpus=8,
    )
    uses = uses_of_workspace([one_try(1000.0), one_try(5000.0)], [stay])
    assert [use.duration_s for use in uses] == [300.0, 60.0]
    assert (uses[0].queue_s, uses[0].lost_s, uses[0].gpus, uses[0].cores) == (400.0, 100.0, 8, 64)


def test_a_stay_that_noted_no_machines_has_none_that_are_known():
    stay = Allocation(eligible_s=1.0, started_s=1.0, ended_s=2.0, kept_s=2.0, finished=True)
    (use,) = uses_of_workspace([], [stay])
    assert (use.gpus, use.cores, use.machines) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "count"), [("0-3", 4), ("0,2", 2), ("0-1,8-9,12", 5), ("all", 0), ("", 0), ("3-", 0)]
)
def test_the_numbers_of_a_list_are_counted(text, count):
    assert count_of_list(text) == count
