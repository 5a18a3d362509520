"""Ten of the runs that are disturbed at random moments; `python -m tests.system.faults` does a hundred."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.system import faults
from tests.system.cluster import missing

pytestmark = [pytest.mark.slow, pytest.mark.system]

SEEDS = range(10)


def test_whatever_is_killed_each_ending_is_told_as_it_was_and_nothing_is_submitted_twice(with_data, tmp_path):
    if missing():
        pytest.skip(
            f"Slurm is not installed here ({', '.join(missing())} not found); .ci/run says what it needs"
        )
    with ThreadPoolExecutor(3) as pool:
        verdicts = list(pool.map(lambda seed: faults.disturb(seed, with_data, tmp_path / str(seed)), SEEDS))

    assert {verdict.seed: verdict.wrong for verdict in verdicts} == {seed: [] for seed in SEEDS}, (
        faults.summary(verdicts)
    )
