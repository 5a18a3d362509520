"""Limits of time and memory as they occur, and a site with accounting whose queue forgets in seconds."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.system]


def test_the_limit_itself_and_the_warning_ahead_of_it(run, accounting_cluster):
    # Both take more than a minute, so they wait together.
    site = {"account": "proj", "qos": "high", "wall_time": "0:01:00"}
    warned = run("warned", on=accounting_cluster).start(misbehave="train=hang-after-1", warn_s=30, **site)
    surprised = run("surprised", on=accounting_cluster).start(
        misbehave="train=hang-after-1", warn_s=0, **site
    )

    assert surprised.end(240) == 1
    assert (
        "ended as TIMEOUT: it was not over at its time limit: a larger WALL_TIME may help"
        in surprised.printed
    )
    assert warned.end(240) == 0
    assert "the time limit is near: stopping" in warned.printed
    assert "goes on after epoch 1 of the try" in warned.printed
    assert warned.outcomes[-1]["stays"] == 2
    # What the other left is gone on from, too.
    assert surprised.start().end() == 0
    assert surprised.printed.count("goes on after epoch 1 of the try") == 1


def test_accounting_tells_how_a_job_ended_that_the_queue_has_forgotten(run, accounting_cluster):
    site = {"account": "proj", "qos": "normal"}
    one = run(on=accounting_cluster).start(misbehave="train=hang-after-1", poll_s=8.0, **site)
    one.sees("Epoch 1/2")
    accounting_cluster.ask("scancel", one.job())

    assert one.end(240) == 1
    assert "ended as CANCELLED: somebody cancelled it" in one.printed
    assert one.outcomes[-1]["state"] == "CANCELLED"


def test_an_account_that_is_not_ours_is_refused_in_slurms_words(run, accounting_cluster):
    one = run(on=accounting_cluster).start(account="somebody-else")

    assert one.end() == 2
    assert "Invalid account or account/partition combination specified" in one.printed


def test_a_job_that_takes_more_memory_than_it_asked_for_ends_as_that(run, limited_cluster):
    one = run(on=limited_cluster).start(misbehave="train=gorge", options=["--mem=700"])

    assert one.end(240) == 1
    words = "ended as OUT_OF_MEMORY: it took more memory than it had: a smaller BATCH may help; last lines of"
    assert f"job {one.job()} {words}" in one.printed
    assert one.outcomes[-1]["state"] == "OUT_OF_MEMORY"
    assert one.start().end(240) == 0
