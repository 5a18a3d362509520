import pytest

from harness.verbs.tidy import clean
from harness.workspace.layout import Workspace


@pytest.fixture
def room(tmp_path):
    for name in ("data/x.zip", "data/.frames/a", "experiment/b", "specs/c", ".markers/d", "notes/mine"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    return Workspace(tmp_path)


def left(room):
    return sorted(path.relative_to(room.root).as_posix() for path in room.root.rglob("*") if path.is_file())


def test_what_was_fetched_and_what_may_be_edited_stays(room):
    assert clean(room, archive="x.zip", keep=True) == (
        ["data/.frames", "experiment", ".markers"],
        ["data/x.zip", "specs"],
    )
    assert left(room) == ["data/x.zip", "notes/mine", "specs/c"]


def test_on_request_that_goes_too_but_nothing_we_did_not_make(room):
    removed, kept = clean(room, archive="x.zip", keep=False)

    assert (removed, kept) == (["data/.frames", "experiment", ".markers", "data/x.zip", "specs"], [])
    assert left(room) == ["notes/mine"]
