"""Where the time of a run went, against seconds that the test chose."""

import pytest

from harness.measure.time_parts import Spent, spent, spent_of_run, spent_of_tries
from harness.queue.states import Cost
from harness.stages.tries import Fate, Try
from tests.harness import made

SPAN = (1000.0, 1020.0)


def phases(**seconds):
    return made.training_phases(start_s=SPAN[0], **seconds)


def test_each_second_of_a_training_is_in_one_part():
    found = spent(phases(staging=1.5), SPAN)
    assert found.parts_s == pytest.approx(
        {
            "staging": 1.5,
            "start-up": 2.0,
            "data wait": 1.0,
            "compute": 6.0,
            "validation": 0.5,
            "checkpoints": 0.3,
            "ending": 20.0 - 11.3,
        }
    )
    assert found.total_s == 20.0
    assert found.unexplained_s == pytest.approx(0.0)


def test_time_between_phases_is_unexplained():
    told = phases()
    for row in told[3:]:  # a pause of three seconds before the first epoch
        row["started_unix_s"] += 3.0
    assert spent(told, SPAN).unexplained_s == pytest.approx(3.0)


def test_steps_that_do_not_fill_their_epoch_leave_the_rest_unexplained():
    told = phases()
    told[3] |= {"wait_s": [0.0], "work_s": [1.0]}  # of 3.5 seconds
    assert spent(told, SPAN).unexplained_s == pytest.approx(2.5)


def test_phases_that_overlap_are_counted_once():
    told = [
        {"phase": "epoch", "started_unix_s": 1000.0, "duration_s": 10.0, "wait_s": [2.0], "work_s": [8.0]},
        {"phase": "checkpoint", "started_unix_s": 1008.0, "duration_s": 4.0},
    ]
    found = spent(told, (1000.0, 1012.0))
    assert found.parts_s == pytest.approx({"data wait": 2.0, "compute": 8.0, "checkpoints": 2.0})
    assert found.unexplained_s == pytest.approx(0.0)


def test_what_lies_outside_of_the_run_is_none_of_its_own():
    early = [{"phase": "checkpoint", "started_unix_s": 900.0, "duration_s": 50.0}]
    assert spent([*early, *phases()], SPAN) == spent(phases(), SPAN)


def test_an_engine_that_tells_no_steps_has_epochs_in_one_piece():
    found = spent(phases(tells_steps=False), SPAN)
    assert found.parts_s["epochs"] == pytest.approx(7.0)
    assert "compute" not in found.parts_s


def test_of_a_chain_training_is_told_apart_and_stages_side_by_side_count_once():
    stages = [
        {"phase": "stage verify", "started_unix_s": 1000.0, "duration_s": 4.0},
        {"phase": "stage tune-bdb", "started_unix_s": 1004.0, "duration_s": 3.0},
        {"phase": "stage convert-data", "started_unix_s": 1004.0, "duration_s": 2.0},
        {"phase": "stage train", "started_unix_s": 1007.0, "duration_s": 12.0},
        {"phase": "launch", "started_unix_s": 1004.5, "duration_s": 1.0},  # of convert-data
    ]
    inside = made.training_phases(start_s=1007.0)
    found = spent([*stages, *inside], SPAN)
    assert found.parts_s["other stages"] == pytest.approx(7.0)
    assert found.parts_s["start-up"] == pytest.approx(2.0)
    assert found.parts_s["ending"] == pytest.approx(12.0 - 9.8)
    assert found.unexplained_s == pytest.approx(1.0)  # after train


def test_a_run_without_phases_is_unexplained():
    assert spent([], SPAN) == Spent(total_s=20.0, parts_s={})


def test_the_batches_of_an_evaluation_are_its_steps():
    told = [
        {"phase": "evaluation", "started_unix_s": 1002.0, "duration_s": 4.0, "wait_s": [1.0], "work_s": [3.0]}
    ]
    assert spent(told, (1000.0, 1006.0)).parts_s == pytest.approx({"data wait": 1.0, "compute": 3.0})


def test_queue_and_lost_work_of_a_bench_count_with_its_chain_alone():
    cost = Cost(stays=2, queue_s=60.0, allocated_s=300.0, lost_s=40.0, lost_steps=None, goodput_pct=86.7)
    run = made.run(1, {}, duration_s=20.0)
    told = made.training_phases(start_s=run.started_unix_s)
    chain = spent_of_run(made.record("chain", runs=[run], jobs=cost), run, told)
    assert (chain.total_s, chain.parts_s["queue"], chain.parts_s["lost work"]) == (120.0, 60.0, 40.0)
    assert spent_of_run(made.record("train", runs=[run], jobs=cost), run, told).total_s == 20.0


def test_a_run_of_a_record_has_its_own_phases_alone():
    run = made.run(2, {}, duration_s=20.0)
    both = [
        *made.training_phases(run=1, start_s=run.started_unix_s, compute=100.0),
        *made.training_phases(run=2, start_s=run.started_unix_s),
    ]
    assert spent_of_run(made.record(runs=[run]), run, both).parts_s["compute"] == pytest.approx(6.0)


def one_try(stage, start_s, lasted_s, *, fate=Fate.DONE, kept_s=None, told=(), fingerprint="f"):
    kept = kept_s if kept_s is not None else lasted_s if fate.is_good else 0.0
    return Try(
        stage=stage,
        name=f"{start_s}",
        fingerprint=fingerprint,
        meaning=fingerprint,
        fate=fate,
        started_s=start_s,
        ended_s=start_s + lasted_s,
        kept_s=kept,
        phases=tuple(told),
    )


def test_of_a_workspace_failed_tries_are_lost_work_but_for_what_was_gone_on_from():
    tries = [
        one_try("verify", 1000.0, 5.0, fate=Fate.FAILED),
        one_try("verify", 1010.0, 4.0),
        one_try(
            "train",
            1020.0,
            12.0,
            fate=Fate.INTERRUPTED,
            kept_s=9.8,
            told=made.training_phases(start_s=1020.0),
        ),
        one_try("train", 2000.0, 9.8, told=made.training_phases(start_s=2000.0)),
    ]
    found = spent_of_tries(tries, queue_s=7.0)
    assert found.total_s == pytest.approx(5 + 4 + 12 + 9.8 + 7)
    assert found.parts_s["lost work"] == pytest.approx(5 + 2.2)
    assert found.parts_s["other stages"] == pytest.approx(4)
    assert found.parts_s["compute"] == pytest.approx(12)
    assert found.parts_s["queue"] == 7.0
    assert found.unexplained_s == pytest.approx(0.0)


def test_tries_with_other_settings_are_another_run():
    before = one_try("train", 1000.0, 500.0, fingerprint="other")
    now = one_try("train", 2000.0, 9.8, told=made.training_phases(start_s=2000.0))
    assert spent_of_tries([before, now]).total_s == pytest.approx(9.8)


def test_tries_that_made_what_is_there_count_and_not_newer_ones_with_other_settings():
    tries = [
        one_try("train", 1000.0, 9.8, told=made.training_phases(start_s=1000.0), fingerprint="here"),
        one_try("train", 2000.0, 500.0, fate=Fate.INTERRUPTED, fingerprint="other"),
    ]
    assert spent_of_tries(tries, {"train": "here"}).total_s == pytest.approx(9.8)
    assert spent_of_tries(tries, {"train": "of no try"}).total_s == pytest.approx(500.0)


def test_nothing_is_told_of_a_workspace_without_tries():
    assert spent_of_tries([]) is None
