"""Ten disturbed runs of the nine stages; `python -m tests.system.pipeline_faults` does a hundred."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.system.disturbed import undisturbed
from tests.system.pipeline_faults import SMOKE, disturb, summary

pytestmark = [pytest.mark.slow, pytest.mark.system]

SEEDS = range(10)


def test_whatever_happens_to_a_run_its_ending_is_told_as_it_was_and_nothing_is_lost(tmp_path):
    expected = undisturbed(SMOKE, tmp_path / "undisturbed")
    with ThreadPoolExecutor(2) as pool:
        every = list(pool.map(lambda seed: disturb(seed, SMOKE, expected, tmp_path / str(seed)), SEEDS))

    assert {found.seed: found.wrong for found in every} == {seed: [] for seed in SEEDS}, summary(every)
