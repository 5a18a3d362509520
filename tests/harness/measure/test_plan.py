import pytest

from harness.measure.plan import Bench, block_of_training, warm_up


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
        (468, False, (80, 2)),  # an epoch of twenty, and one before it
        (14, True, (14, 8)),  # four steps an epoch
        (14, False, (14, 6)),
    ],
)
def test_a_block_of_training_has_the_steps_it_needs(frames, by_step, expected):
    plan = Bench(train_steps=20, warm_up_steps=10)

    assert block_of_training(plan, batch=4, frames=frames, by_step=by_step) == expected
