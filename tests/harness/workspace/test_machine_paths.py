from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.workspace.machine_paths import (
    place_in,
    places_of,
    told_to_strangers,
    without_machine_paths,
)

PLACES = ("/data/anna/street", "/users/anna")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/data/anna/street/experiment/weights", "experiment/weights"),
        ("--dataset_export_spec=/data/anna/street/specs/a.txt", "--dataset_export_spec=specs/a.txt"),
        ("/data/anna/street", ""),
        ("/data/anna/street-2/a", "…/a"),
        ("/users/anna/.venv/bin/python", ".venv/bin/python"),
        ("-B /lustre/users/anna:/scratch/x", "-B …/anna:…/x"),
        ('image: "/images/tao.sif"', 'image: "…/tao.sif"'),
        ("file:///data/anna/street/frames.zip", "frames.zip"),
        ("file:///media/disk/frames.zip", "…/frames.zip"),
        ("https://anna:secret@example.org/a/b.zip?download=1", "https://example.org/a/b.zip?download=1"),
        ("https://example.org/b?X-Amz-Signature=0af1&n=2", "https://example.org/b?X-Amz-Signature=…&n=2"),
        ("https://example.org/users/anna/frames.zip", "https://example.org/users/anna/frames.zip"),
        ("${workspace}/data/train/images", "${workspace}/data/train/images"),
        ("./data/train and ../up/there", "./data/train and ../up/there"),
        ("images/s, 3/4 and and/or", "images/s, 3/4 and and/or"),
        ("// a comment of a spec", "// a comment of a spec"),
        ("obj_train_data/*/a", "obj_train_data/*/a"),
    ],
)
def test_places_on_a_machine_are_taken_out_and_nothing_else(text, told):
    assert without_machine_paths(text, PLACES) == told


def test_all_texts_of_a_table_are_told_to_strangers_and_other_values_stay():
    table = {"argv": [["/usr/bin/python3", "-m", "x"]], "n": 2, "none": None, "yes": True}

    assert told_to_strangers(table, PLACES) == {
        "argv": [["…/python3", "-m", "x"]],
        "n": 2,
        "none": None,
        "yes": True,
    }


def test_templates_of_specs_recipes_and_data_sets_as_shipped_are_not_changed(checkout):
    shipped = [*(checkout / "specs").rglob("*.txt"), *(checkout / "specs").glob("[rd]*/*.toml")]

    assert len(shipped) > 8
    for path in shipped:
        text = path.read_text(encoding="utf-8")
        assert without_machine_paths(text, PLACES) == text, path


@given(
    st.text(alphabet='ab ="/:-.', max_size=12),
    st.sampled_from(PLACES),
    st.text(alphabet='ab ="/:-.', max_size=12),
)
def test_a_path_to_a_file_below_a_place_never_stays_as_it_is(before, place, after):
    told = without_machine_paths(f"{before} {place}/{after}", PLACES)

    assert f"{place}/" not in told


def test_a_link_to_a_place_and_what_it_leads_to_are_both_places(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "work").symlink_to(tmp_path / "disk")

    assert set(places_of(tmp_path / "work")) == {str(tmp_path / "work"), str((tmp_path / "disk").resolve())}
    assert places_of(Path("/")) == ()


def test_a_place_is_found_in_a_file_of_any_kind():
    assert place_in(b"\x80\x02weights of /users/anna/x\xff", PLACES) == "/users/anna"
    assert place_in(b"\x80\x02/users/annabel\xff", PLACES) == ""
