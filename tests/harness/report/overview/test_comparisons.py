"""The sentence that says why B is slower, of records whose cause the test made."""

import pytest

from harness.report.overview.comparisons import compare_records
from harness.verdict import Verdict
from tests.harness import made

A, B = "20260301T100000Z-0000", "20260302T100000Z-0000"


def bench(name, seconds, *, runs=5, case="train"):
    """A record of training, and its phases."""
    scatter = [0.02 * number for number in range(runs)]
    told, measured = [], []
    for number in range(1, runs + 1):
        run = made.run(number, {"train_images_per_s": [30.0]}, duration_s=0.0)
        own = {
            name: value + (scatter[number - 1] if name == "compute" else 0.0)
            for name, value in seconds.items()
        }
        told += made.training_phases(run=number, start_s=run.started_unix_s, **own)
        end_s = told[-1]["started_unix_s"] + told[-1]["duration_s"]
        measured.append(
            made.run(number, {"train_images_per_s": [30.0]}, duration_s=end_s + 0.5 - run.started_unix_s)
        )
    return made.record(case, runs=measured, bench=name, started=f"2026-03-0{name[7]}T10:00:00Z"), told


def compared(a, b):
    (one, its), (other, others) = a, b
    phases = {id(one): its, id(other): others}
    return compare_records([one], [other], lambda record: phases[id(record)], names=("A", "B"))


def test_the_cause_is_named_with_its_interval():
    (found,) = compared(bench(A, {"compute": 20.0}), bench(A, {"compute": 20.0, "wait": 9.0}))
    assert found.is_slower is Verdict.YES
    whole = "B took 8.0 s longer than A: +8.00 s (95 %: +7.95 s to +8.05 s)."
    assert found.why == f"{whole} What makes it: data wait (+8.00 s)."


def test_another_day_is_another_session_and_says_less():
    (found,) = compared(bench(A, {"compute": 20.0}), bench(B, {"compute": 20.4}))
    assert found.is_slower is Verdict.CANNOT_TELL
    assert found.why.startswith("A and B differ by no more than chance makes them: +0.40 s (95 %: −")


def test_a_faster_b_is_not_slower():
    (found,) = compared(bench(A, {"compute": 40.0}), bench(B, {"compute": 20.0}))
    assert found.is_slower is Verdict.NO
    assert found.why.endswith("What makes it: compute (−20.0 s).")


def test_one_run_on_a_side_cannot_tell_chance():
    (found,) = compared(bench(A, {"compute": 20.0}, runs=1), bench(A, {"compute": 30.0}, runs=1))
    assert found.is_slower is Verdict.CANNOT_TELL
    assert "With one run on a side nobody can tell whether that is chance." in found.why


def test_what_forbids_a_comparison_is_told_beside_it():
    one, other = bench(A, {"compute": 20.0}), bench(B, {"compute": 40.0})
    other = (made.record(runs=other[0].runs, bench=B, conditions={"batch": 8}), other[1])
    (found,) = compared(one, other)
    assert found.obstacles == ("train: batch is 4, there 8",)


def test_records_without_phases_have_no_waterfall():
    assert compared((bench(A, {})[0], []), (bench(B, {})[0], [])) == []


@pytest.mark.parametrize("case", ["export", "micro"])
def test_cases_whose_time_has_no_parts_are_passed_over(case):
    assert compared(bench(A, {}, case=case), bench(B, {}, case=case)) == []
