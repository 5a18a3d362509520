import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.split import choose_validation, draw, split_frames
from harness.errors import DataError
from harness.settings.dataset import SplitRule

NAMES = st.sets(st.text("ab01._", min_size=1, max_size=8), min_size=2, max_size=60)
JAMCAM = {f"0000{number % 9}.{number:05d}": "camera" for number in range(1141)}
DAYS = {f"{day}_{number}": day for day in ("mon", "tue", "wed") for number in range(4)}


def test_the_draw_is_the_same_on_every_machine():
    # `printf 42/a | sha256sum` and so on print digests that start with a: 80, b: ea, c: 36, d: 0f.
    assert draw(["a", "b", "c", "d"], 2, seed=42) == ("c", "d")


def test_the_archive_of_1141_frames_is_split_1000_to_141():
    split = split_frames(JAMCAM, SplitRule(test_frames=141))

    assert (len(split.train), len(split.test)) == (1000, 141)


def test_another_seed_draws_other_frames():
    first, second = (split_frames(JAMCAM, SplitRule(test_frames=141, seed=seed)) for seed in (1, 2))

    assert first.test != second.test


def test_a_frame_more_changes_the_draw_by_one_frame_at_most():
    before = split_frames(JAMCAM, SplitRule(test_frames=141))
    after = split_frames({**JAMCAM, "new": "camera"}, SplitRule(test_frames=141))

    assert len({*before.test} & {*after.test}) >= 140


def test_a_share_of_frames_is_rounded_down():
    assert len(split_frames(JAMCAM, SplitRule(test_pct=10)).test) == 114


def test_named_folders_are_test_as_a_whole():
    split = split_frames(DAYS, SplitRule(group="folder", test_groups=("tue",)))

    assert split.test == ("tue_0", "tue_1", "tue_2", "tue_3")
    assert len(split.train) == 8


def test_drawn_folders_are_test_as_a_whole():
    split = split_frames(DAYS, SplitRule(group="folder", test_frames=3))

    assert len({DAYS[stem] for stem in split.test}) == 1
    assert len(split.test) == 4


def test_a_folder_that_is_not_there_is_named():
    with pytest.raises(
        DataError, match="test_groups names fri, but the archive has the folders mon, tue, wed"
    ):
        split_frames(DAYS, SplitRule(group="folder", test_groups=("tue", "fri")))


@pytest.mark.parametrize("rule", [SplitRule(test_frames=12), SplitRule(group="folder", test_frames=9)])
def test_a_split_that_leaves_nothing_to_train_on_is_refused(rule):
    with pytest.raises(DataError, match="puts 0 into train and 12 into test"):
        split_frames(DAYS, rule)


def test_a_limit_keeps_all_test_frames_and_some_training_frames():
    whole, limited = (split_frames(JAMCAM, SplitRule(test_frames=141), limit=limit) for limit in (0, 50))

    assert limited.test == whole.test
    assert len(limited.train) == 50
    assert {*limited.train} < {*whole.train}


@given(names=NAMES, seed=st.integers(0, 2**32), share=st.integers(1, 99))
def test_each_frame_is_in_exactly_one_of_train_and_test(names, seed, share):
    split = split_frames(dict.fromkeys(names, ""), SplitRule(test_pct=share, seed=seed))

    assert sorted(split.train + split.test) == sorted(names)


@given(names=NAMES, seed=st.integers(0, 2**32), share=st.floats(0.1, 99.9))
def test_validation_is_a_true_part_of_training(names, seed, share):
    val = choose_validation(names, val_split_pct=share, seed=seed)

    assert {*val} < names
    assert len(val) == max(1, int(len(names) * share / 100))


def test_ten_percent_of_a_thousand_are_a_hundred():
    assert len(choose_validation([str(number) for number in range(1000)], val_split_pct=10, seed=1)) == 100


def test_one_frame_cannot_be_split():
    with pytest.raises(DataError, match=r"1 training frame\(s\), expected two or more"):
        choose_validation(["a"], val_split_pct=10, seed=1)
