"""Short simulations; `python bench/simulate_statistics.py` prints the whole tables."""

import pytest

from bench.simulate_statistics import (
    Machine,
    alarms_pct,
    main,
    outside_pct,
    power_of_compare,
    power_of_gate,
)
from harness.verdict import Verdict


@pytest.mark.parametrize("is_shared", [False, True])
@pytest.mark.parametrize(("spread", "new", "old"), [(0.0, 3, 3), (0.02, 3, 3), (0.05, 3, 3), (0.05, 1, 1)])
def test_a_gate_rarely_says_worse_where_nothing_changed(spread, new, old, is_shared):
    machine = Machine(5, session_spread=spread, is_shared=is_shared)
    worse, unknown = alarms_pct(machine, new, old, times=100)

    assert worse <= 11  # 5 % is 5 of 100; more than 11 come in one of 200 trials
    assert unknown <= 5


def test_a_tenth_less_at_a_spread_of_one_percent_is_seen_by_three_sessions():
    machine = Machine(6, session_spread=0.01)
    seen = [machine.rows(3, 3, slowed=0.1)[0].is_worse is Verdict.YES for _ in range(60)]
    assert sum(seen) >= 54


# Three standard errors: of the trials, and of the mean change that is printed.
@pytest.mark.parametrize(
    ("power", "times", "error"), [(power_of_compare, 800, 0.085), (power_of_gate, 200, 0.17)]
)
def test_power_is_as_it_is_printed(power, times, error):
    _, seen = power(8, 3, 3, spread=0.05, times=times)
    assert seen == pytest.approx(0.8, abs=error)


@pytest.mark.parametrize("kind", ["independent", "alike"])
@pytest.mark.parametrize("n", [5, 10])
def test_a_fresh_seed_rarely_falls_out_of_a_band_and_a_class_that_is_lost_does(n, kind):
    assert outside_pct(11, kind, n, times=400) <= 8.5  # 5 % is 20 of 400; more than 34 come in one of 1,000
    assert outside_pct(11, kind, n, times=100, drop=12.0) >= 80


def test_the_tables_are_printed(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["simulate_statistics.py", "--times=2"])
    main()
    text = capsys.readouterr().out
    assert "session spread | new, reference | rows alike | worse (%) | cannot tell (%)" in text
    assert text.count("lognormal, log-SD") == 4
    assert "seeds | classes | a fresh one falls out (%)" in text
