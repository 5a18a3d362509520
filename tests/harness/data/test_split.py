import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.split import Split, choose_validation, draw, planned_validation, split_frames
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


SCENES = {f"{scene}{number}": scene for scene in "abcdef" for number in range(4)}


@pytest.mark.parametrize("seed", range(20))
def test_a_folder_is_in_one_of_training_validation_and_test(seed):
    split = split_frames(SCENES, SplitRule(seed=seed, test_pct=20, group="folder"))

    val = planned_validation(split, val_split_pct=10, seed=seed)
    train = {*split.train} - {*val}
    scenes = [{SCENES[stem] for stem in part} for part in (train, val, split.test)]
    assert [len(part) for part in scenes] == [4, 1, 1]  # 10 % of 20 frames need one whole folder
    assert set.union(*scenes) == set("abcdef")


def test_of_two_folders_one_stays_in_training():
    groups = {"a1": "a", "a2": "a", "b1": "b"}

    val = choose_validation([*groups], val_split_pct=90, seed=1, groups=groups)

    assert {groups[stem] for stem in val} in ({"a"}, {"b"})


def test_training_frames_of_one_folder_cannot_give_validation_by_folders():
    with pytest.raises(DataError, match="all of one folder, expected two folders or more"):
        choose_validation(["a1", "a2"], val_split_pct=10, seed=1, groups={"a1": "a", "a2": "a"})


def test_one_folder_alone_is_told_to_be_the_cause():
    with pytest.raises(DataError, match="all frames are in one folder") as caught:
        split_frames({"a": "", "b": ""}, SplitRule(test_pct=20, group="folder"))

    assert caught.value.remedy.startswith('leave out group = "folder"')


SUBSETS = {"a": "train", "b": "train", "c": "valid", "d": "test", "e": "extra"}


def test_the_annotators_own_subsets_can_be_kept_as_the_split():
    rule = SplitRule(test_subsets=("test",), val_subsets=("valid",))

    split = split_frames(dict.fromkeys(SUBSETS, ""), rule, subsets=SUBSETS)

    assert (split.train, split.test, split.validation) == (("a", "b", "c", "e"), ("d",), ("c",))
    assert planned_validation(split, val_split_pct=75, seed=3) == ("c",)


def test_a_subset_that_is_not_there_is_named():
    rule = SplitRule(test_subsets=("test",), val_subsets=("val",))

    with pytest.raises(DataError, match="val_subsets names val, but the archive has the subsets extra, test"):
        split_frames(dict.fromkeys(SUBSETS, ""), rule, subsets=SUBSETS)


def test_a_subset_taken_for_a_folder_is_answered_with_the_right_key():
    with pytest.raises(DataError, match="test_groups names obj_valid_data") as caught:
        split_frames(dict.fromkeys(SUBSETS, ""), SplitRule(test_groups=("obj_valid_data",)), subsets=SUBSETS)

    assert caught.value.remedy.startswith("write test_subsets = ['valid'] in its place")


def test_validation_that_leaves_nothing_to_train_on_is_refused():
    split = Split(train=("a", "b"), test=("c",), validation=("a", "b"))

    with pytest.raises(DataError, match="makes all 2 training frames validation frames"):
        planned_validation(split, val_split_pct=10, seed=1)
