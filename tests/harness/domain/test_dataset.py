import pytest

from harness.domain.dataset import read_dataset
from harness.domain.split import SplitRule
from harness.errors import ConfigError

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
        ({"classes": ["car", "car"]}, "different names without blanks"),
        ({"classes": ["traffic light"]}, "different names without blanks"),
        ({"classes": [1]}, "classes 0: found 1, expected a value of type str"),
        ({"width_px": 0}, "width_px is 0, expected 1 or more"),
        ({"width_px": "352"}, "width_px: found '352', expected a value of type int"),
        ({"archive": "../frames.zip"}, "archive is '../frames.zip', expected a plain file name"),
        ({"unpaired": "maybe"}, "unpaired is 'maybe', expected refuse or skip"),
        ({"split": {}}, r"split is \[\], expected exactly one of test_frames, test_pct, test_groups"),
        ({"split": {"test_frames": 1, "test_pct": 1}}, "expected exactly one of"),
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


@pytest.mark.parametrize("key", ["title", "archive", "classes", "width_px", "height_px"])
def test_a_missing_key_is_named(key):
    with pytest.raises(ConfigError, match=f"key '{key}' is missing"):
        read({name: value for name, value in FETCHED.items() if name != key})
