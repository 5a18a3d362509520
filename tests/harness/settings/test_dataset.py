import pytest

from harness.errors import ConfigError
from harness.settings.dataset import SplitRule, load_dataset, local_path, read_dataset

FETCHED = {
    "name": "mine",
    "title": "my frames",
    "archive": "frames.zip",
    "address": "https://example.org/frames.zip",
    "sha256": "0" * 64,
    "classes": ["car", "bus"],
    "width_px": 352,
    "height_px": 288,
    "split": {"test_frames": 10},
}
MADE = {key: value for key, value in FETCHED.items() if key not in {"address", "sha256", "split"}} | {
    "make": {"generator": "jamcam-like", "seed": 7, "train_frames": 20, "test_frames": 5}
}

MINE = """
title = "my frames"
address = "{address}"
archive = "frames.zip"
classes = ["car"]
width_px = 8
height_px = 8
split = {{ test_pct = 10 }}
"""


def read(table):
    return read_dataset(table, where="mine.toml", resolve=str)


def test_a_fetched_data_set_is_what_its_file_says():
    dataset = read(FETCHED)

    assert dataset.classes == ("car", "bus")
    assert dataset.split == SplitRule(seed=42, test_frames=10)


def test_of_a_made_data_set_as_many_frames_are_test_as_were_made_for_it():
    assert read(MADE).split == SplitRule(seed=7, test_frames=5)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"clases": []}, "unknown key 'clases'"),
        ({"split": {"test_frame": 10}}, "split: unknown key 'test_frame'"),
        ({"sha256": ""}, "has no sha256"),
        ({"address": ""}, r"expected either address or \[make\]"),
        ({"make": MADE["make"]}, r"expected either address or \[make\]"),
        ({"classes": []}, r"classes is \(\), expected one or more"),
        ({"classes": ["car", "car"]}, "one or more different names"),
        ({"classes": ["traffic light", "traffic  light"]}, "one or more different names"),
        ({"classes": [""]}, "one or more different names"),
        ({"classes": [1]}, "classes 0: found 1, expected a value of type str"),
        ({"width_px": -1}, "width_px is -1, expected 1 or more"),
        ({"width_px": "352"}, "width_px: found '352', expected a value of type int"),
        ({"archive": "../frames.zip"}, "archive is '../frames.zip', expected a plain file name"),
        ({"unpaired": "maybe"}, "unpaired is 'maybe', expected refuse or skip"),
        (
            {"split": {}},
            r"split is \[\], expected exactly one of test_frames, test_pct, test_groups, test_subsets",
        ),
        ({"split": {"test_frames": 1, "test_pct": 1}}, "expected exactly one of"),
        (
            {"split": {"test_subsets": ["a", "b"], "val_subsets": ["b"]}},
            r"split.val_subsets is \['b'\], expected no subset that test_subsets names",
        ),
        ({"skip_damaged": -1}, "skip_damaged is -1, expected 0 or more"),
        ({"split": {"test_pct": 100}}, "test_pct is 100, expected 1 to 99"),
        ({"split": {"test_frames": 1, "group": "day"}}, "group is 'day', expected frame or folder"),
    ],
)
def test_what_cannot_be_right_is_refused_with_file_and_key(changes, complaint):
    with pytest.raises(ConfigError, match=rf"^mine\.toml: .*{complaint}|^mine\.toml: {complaint}"):
        read({**FETCHED, **changes})


def test_a_generator_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match=r"make\.generator is 'other', expected jamcam-like"):
        read({**MADE, "make": {**MADE["make"], "generator": "other"}})


@pytest.mark.parametrize("key", ["title", "archive", "classes"])
def test_a_missing_key_is_named(key):
    with pytest.raises(ConfigError, match=f"key '{key}' is missing"):
        read({name: value for name, value in FETCHED.items() if name != key})


def test_the_real_archive_is_declared_as_published():
    jamcam = load_dataset("jamcam")

    assert jamcam.address == "https://zenodo.org/record/6472731/files/task_jamcams_groundtruth.zip?download=1"
    assert jamcam.sha256 == "0d8aa6d26dac35c85ad0d910242dedbb970e54f18c2d9be45469697eac168673"
    assert jamcam.classes == ("person", "bicycle", "car", "motorbike", "bus", "truck")
    assert (jamcam.width_px, jamcam.height_px, jamcam.split.test_frames) == (352, 288, 141)


@pytest.mark.parametrize(
    ("classes", "written"),
    [
        (("car", "Bus", "car/van"), ("car", "Bus", "car/van")),
        (("traffic light", "V\u00e9lo"), ("traffic_light", "Velo")),
        (("\uc790\ub3d9\ucc28", "\ucc28 2"), ("class_0", "class_1")),
        (("velo", "v\u00e9lo"), ("velo", "class_1")),
        (("v\u00e9lo", "VELO"), ("class_0", "VELO")),
        (('a"b', "a b"), ("a_b", "class_1")),
    ],
)
def test_classes_are_written_in_plain_letters_and_stay_apart(classes, written):
    dataset = read({**FETCHED, "classes": list(classes)})

    assert dataset.written_classes == written
    differing = {w.lower(): own for own, w in zip(classes, written, strict=True) if own != w}
    assert dataset.own_names == differing


def test_sizes_need_not_be_declared():
    dataset = read({key: value for key, value in FETCHED.items() if not key.endswith("_px")})

    assert (dataset.width_px, dataset.height_px) == (0, 0)


@pytest.mark.parametrize(("name", "frames"), [("sample", (520, 80)), ("smoke", (18, 6))])
def test_made_data_sets_say_how_many_frames(name, frames):
    dataset = load_dataset(name)

    assert (dataset.make.train_frames, dataset.make.test_frames) == frames
    assert dataset.split.test_frames == frames[1]


def test_a_data_set_of_ones_own_is_given_by_path_and_called_after_its_file(tmp_path):
    (tmp_path / "mine.toml").write_text(MINE.format(address="file:folder/my%20frames.zip"))

    dataset = load_dataset(str(tmp_path / "mine.toml"))

    assert dataset.name == "mine"
    assert local_path(dataset.address) == tmp_path / "folder" / "my frames.zip"


def test_an_absolute_file_address_stays(tmp_path):
    (tmp_path / "mine.toml").write_text(MINE.format(address="file:///frames.zip"))

    assert load_dataset(str(tmp_path / "mine.toml")).address == "file:///frames.zip"


def test_a_name_that_is_not_there_is_answered_with_the_nearest():
    with pytest.raises(
        ConfigError, match=r"no samples\.toml in .*, which has jamcam, sample, smoke"
    ) as caught:
        load_dataset("samples")

    assert caught.value.remedy.startswith("take sample,")
