import json

import pytest

from harness.errors import ConfigError
from harness.stages.download import Download
from harness.stages.gen_valid import GenValid
from harness.stages.verify import Verify

STAGES = (Download, Verify, GenValid)
VIEWS = {
    "train": ("images", "labels", "labels_raw"),
    "val": ("images", "labels"),
    "test": ("images", "labels"),
}


def shown(workspace, part):
    """Stems of a part, which must be the same in each of its folders."""
    folders = [
        {path.stem for path in (workspace / "data" / part / content).iterdir()} for content in VIEWS[part]
    ]
    assert all(folder == folders[0] for folder in folders)
    return folders[0]


def test_each_frame_is_in_exactly_one_of_train_val_and_test(dataset, run):
    workspace = run(dataset(), *STAGES, val_split="30")

    parts = [shown(workspace, part) for part in VIEWS]
    assert [len(part) for part in parts] == [7, 2, 3]
    assert set().union(*parts) == {f"f{number:02d}" for number in range(12)}
    manifest = json.loads((workspace / "data/split.json").read_text())
    assert [set(manifest[part]) for part in VIEWS] == parts
    assert (manifest["seed"], manifest["val_split_pct"]) == (42, 30)


def test_views_take_no_room(dataset, run):
    workspace = run(dataset(), *STAGES)

    for stem in shown(workspace, "train"):
        for content, ending in (("images", "jpg"), ("labels", "txt"), ("labels_raw", "txt")):
            view = workspace / "data/train" / content / f"{stem}.{ending}"
            assert view.samefile(workspace / "data/.frames" / content / f"{stem}.{ending}")


def test_splitting_again_loses_nothing_and_coming_back_gives_the_same(dataset, run):
    declared = dataset()
    workspace = run(declared, *STAGES, val_split="30")
    first = shown(workspace, "val")

    run(declared, *STAGES, val_split="60")
    assert len(shown(workspace, "val")) == 5
    assert len(shown(workspace, "train") | shown(workspace, "val") | shown(workspace, "test")) == 12

    run(declared, *STAGES, val_split="30")
    assert shown(workspace, "val") == first


def test_only_gen_valid_is_done_again_when_the_share_changes(dataset, run, settings):
    declared = dataset()
    run(declared, *STAGES, val_split="30")

    again = [kind(settings=settings(dataset=str(declared), val_split="60")).own_reasons() for kind in STAGES]

    assert again[:2] == [[], []]
    assert again[2] != []


def test_frames_without_any_box_may_be_the_whole_validation(dataset, run):
    empty = {f"day{number % 3}/f{number:02d}.txt": b"" for number in range(1, 12)}

    workspace = run(dataset(empty), *STAGES)

    assert len(shown(workspace, "val")) == 1


@pytest.mark.parametrize("share", ["0", "100", "-5", "x", "nan"])
def test_a_share_that_leaves_nothing_is_refused(settings, share):
    with pytest.raises(ConfigError, match=f"val_split is '{share}'"):
        settings(val_split=share)


def test_whole_folders_become_validation_where_the_data_set_keeps_folders_together(dataset, run):
    declared = dataset(split='{ group = "folder", test_pct = 20 }')

    workspace = run(declared, *STAGES, val_split="10")

    # Frame number n is of day n % 3.
    days = [{int(stem[1:]) % 3 for stem in shown(workspace, part)} for part in ("train", "val", "test")]
    assert [len(part) for part in days] == [1, 1, 1]
    assert set.union(*days) == {0, 1, 2}


def test_a_workspace_whose_validation_was_drawn_across_folders_is_done_again(dataset, settings):
    plain = GenValid(settings=settings(dataset=str(dataset())))
    assert set(plain.inputs()) == {"val_split_pct", "seed"}

    grouped = GenValid(settings=settings(dataset=str(dataset(split='{ group = "folder", test_pct = 20 }'))))
    assert grouped.inputs()["group"] == "folder"
