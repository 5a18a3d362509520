import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.frames import pair, pair_members
from harness.errors import DataError


def members(*keys):
    return [f"data/obj_train_data/{key}{end}" for key in keys for end in (".jpg", ".txt")]


def stems(pairing):
    return [frame.stem for frame in pairing.frames]


def test_a_frame_is_called_as_its_file_and_only_the_last_dot_counts():
    assert stems(pair_members(members("day/00001.01234"))) == ["00001.01234"]


def test_frames_are_sorted_by_name_whatever_the_archive_says():
    assert stems(pair_members(members("d/b", "d/c", "d/a"))) == ["a", "b", "c"]


def test_only_names_that_meet_carry_their_folder():
    assert stems(pair_members(members("x/y/f", "z/f", "z/g"))) == ["g", "x__y__f", "z__f"]


def test_a_name_that_meets_at_the_top_stays_as_it_is():
    assert stems(pair_members(members("f", "z/f"))) == ["f", "z__f"]


def test_blanks_quotes_and_leading_dots_do_not_get_into_names():
    assert stems(pair_members(members("Kopie von b", "it's", ".hidden", "-rf", "größe"))) == [
        "Kopie_von_b",
        "_hidden",
        "_rf",
        "größe",
        "it_s",
    ]


def test_names_that_still_meet_are_refused():
    with pytest.raises(DataError, match=r"a b\.jpg and .*a_b\.jpg would both be called a_b"):
        pair_members(members("a b", "a_b"))


@pytest.mark.parametrize("ending", [".jpg", ".JPG", ".jpeg", ".JPEG", ".PNG", ".webp", ".tif", ".bmp"])
def test_a_picture_is_known_by_its_ending_in_any_case(ending):
    assert stems(pair_members([f"obj_train_data/a{ending}", "obj_train_data/a.txt"])) == ["a"]


def test_two_pictures_for_one_label_are_refused():
    with pytest.raises(DataError, match=r"a\.JPG and obj_train_data/a\.jpg share one label"):
        pair_members(["obj_train_data/a.jpg", "obj_train_data/a.JPG", "obj_train_data/a.txt"])


def test_two_labels_for_one_picture_are_refused():
    with pytest.raises(
        DataError, match=r"a\.TXT and obj_train_data/a\.txt share one picture, expected one for each"
    ):
        pair_members(["obj_train_data/a.jpg", "obj_train_data/a.TXT", "obj_train_data/a.txt"])


def test_files_of_other_kinds_are_passed_over():
    assert pair(["a.jpg", "a.txt", "b.eps", "notes", "a.json"]) == ({"a": ("a.jpg", "a.txt")}, ())


def test_what_macos_adds_beside_a_file_is_no_frame():
    names = ["a.jpg", "a.txt", "._a.jpg", "._a.txt", "d/._b.jpg", "__MACOSX/c.jpg", "__MACOSX/c.txt"]

    assert pair(names) == ({"a": ("a.jpg", "a.txt")}, ())


def test_an_accent_may_be_composed_in_one_name_and_decomposed_in_the_other():
    composed, decomposed = "caf\u00e9", "cafe\u0301"

    paired, unpaired = pair([f"{decomposed}.jpg", f"{composed}.txt"])

    assert (paired, unpaired) == ({composed: (f"{decomposed}.jpg", f"{composed}.txt")}, ())


def test_equal_names_in_two_subsets_carry_their_subset():
    names = [
        f"obj_{subset}_data/{key}{end}"
        for subset in ("train", "valid")
        for key in ("d/f", "g")
        for end in (".png", ".txt")
    ]

    pairing = pair_members([*names, "obj_train_data/h.jpg", "obj_train_data/h.txt"])

    assert [(frame.stem, frame.subset) for frame in pairing.frames] == [
        ("h", "train"),
        ("train__d__f", "train"),
        ("train__g", "train"),
        ("valid__d__f", "valid"),
        ("valid__g", "valid"),
    ]


def test_names_that_differ_between_subsets_stay_as_they_are():
    pairing = pair_members(["obj_a_data/x.jpg", "obj_a_data/x.txt", "obj_b_data/y.jpg", "obj_b_data/y.txt"])

    assert [(frame.stem, frame.subset) for frame in pairing.frames] == [("x", "a"), ("y", "b")]


@pytest.mark.parametrize("subset", ["train-2024", "Tag 1", "훈련"])
def test_a_subset_may_have_any_name(subset):
    assert [
        frame.subset
        for frame in pair_members([f"obj_{subset}_data/a.jpg", f"obj_{subset}_data/a.txt"]).frames
    ] == [subset]


def test_what_has_no_partner_is_told_with_its_place_and_left_out():
    pairing = pair_members([*members("d/a"), "obj_train_data/d/b.jpg", "obj_train_data/e/b.txt"])

    assert stems(pairing) == ["a"]
    assert pairing.unpaired == (
        "obj_train_data/d/b.jpg has no label",
        "obj_train_data/e/b.txt has no picture",
    )


@given(st.sets(st.tuples(st.sampled_from("xyz"), st.sampled_from("abc")), min_size=1))
def test_every_frame_gets_a_name_of_its_own(places):
    pairing = pair_members(members(*("/".join(place) for place in places)))

    assert len(set(stems(pairing))) == len(places)
    assert {(frame.folder, frame.picture[-5]) for frame in pairing.frames} == places
