import pytest

from harness.errors import ConfigError
from harness.measure import plan
from harness.measure.plan import BenchPlan, block_of_training, load_plan, set_of, warm_up


def test_a_recipe_may_differ_from_the_plan():
    assert (load_plan("sample").repeats, load_plan("sample").train_steps) == (5, 20)
    assert (load_plan("sample").epochs, load_plan("jamcam").epochs) == (7, 0)
    assert load_plan("smoke").repeats == 2
    assert load_plan("smoke").host_name is False


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("repeat = 5", "unknown key 'repeat'"),
        ("repeats = 0", "repeats has 0, expected 1 or more"),
        ("[recipes.smoke]\nrepeats = 'two'", "repeats: found 'two'"),
        ("batches = [8, 0]", "batches has 0, expected 1 or more"),
        ("batches = []", "batches has 0, expected 1 or more"),
        ("session_spread_pct = 0", "session_spread_pct and session_gap_s have 0.0 and"),
        ("session_gap_s = -1", "session_spread_pct and session_gap_s have 6.0 and -1.0, expected"),
    ],
)
def test_a_plan_that_cannot_be_right_is_refused(tmp_path, monkeypatch, text, complaint):
    (tmp_path / "bench.toml").write_text(text)
    monkeypatch.setattr(plan, "PLAN", tmp_path / "bench.toml")

    with pytest.raises(ConfigError, match=complaint):
        load_plan("smoke")


def test_sessions_of_a_bench_share_their_name():
    assert set_of("20260301T101200Z-7c4e-2") == set_of("20260301T101200Z-7c4e") == "20260301T101200Z-7c4e"
    assert set_of("20270101T000000Z-imported-0000") == "20270101T000000Z-imported-0000"


@pytest.mark.parametrize(
    ("steps", "least", "expected"),
    [
        ([1.0] * 10, 2, 2),
        ([5.0, 3.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], 1, 2),
        ([5.0, 1.0, 5.0, 1.0, 1.0, 1.0, 1.0, 1.0], 1, 3),  # one quick step among slow ones settles nothing
        ([9.0, 8.0, 7.0, 6.0, 1.0, 1.0, 1.0, 1.0], 1, 4),
        ([1.0, 1.0], 10, 1),  # never more than half
        ([], 10, 0),
    ],
)
def test_warm_up_ends_when_three_steps_in_a_row_are_settled(steps, least, expected):
    assert warm_up(steps, least=least) == expected


@pytest.mark.parametrize(
    ("frames", "by_step", "expected"),
    [
        (468, True, (120, 1)),  # thirty steps of four frames
        (468, False, (80, 3)),  # an epoch of twenty, one before it and one after it
        (14, True, (14, 8)),  # four steps an epoch
        (14, False, (14, 7)),
    ],
)
def test_a_block_of_training_has_the_steps_it_needs(frames, by_step, expected):
    twenty = BenchPlan(train_steps=20, warm_up_steps=10)

    assert block_of_training(twenty, batch=4, frames=frames, by_step=by_step) == expected
