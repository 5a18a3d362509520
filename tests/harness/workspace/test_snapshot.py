import pytest

from harness.files import digest_path
from harness.workspace.layout import Workspace
from harness.workspace.marker import Product, write_marker
from harness.workspace.snapshot import Snapshot
from tests.harness import made


@pytest.fixture
def room(tmp_path):
    (tmp_path / "data" / "test" / "labels").mkdir(parents=True)
    (tmp_path / "data" / "test" / "labels" / "a.txt").write_text("one")
    return Workspace(tmp_path)


@pytest.fixture
def marker(room):
    path = "data/test/labels"
    return made.marker("verify", Product(path=path, digest=digest_path(room.path(path))))


def test_a_snapshot_shows_what_was_there_when_it_was_asked_first(room, marker):
    snapshot = Snapshot(room)
    assert snapshot.marker("verify") is None

    write_marker(room, marker, {"inputs": {"epochs": "2"}})

    assert snapshot.marker("verify") is None
    assert Snapshot(room).marker("verify") == marker
    assert Snapshot(room).ingredients("verify") == {"inputs": {"epochs": "2"}}


def test_products_as_they_were_have_not_changed(room, marker):
    assert Snapshot(room).product_changes(marker, deep=True) == []


def test_a_product_of_another_size_is_told_with_both(room, marker):
    (room.data / "test" / "labels" / "b.txt").write_text("four")

    changes = Snapshot(room).product_changes(marker, deep=False)

    assert changes == ["data/test/labels had 3 bytes in 1 file, has now 7 bytes in 2 files"]


def test_a_missing_product_is_told(room, marker):
    (room.data / "test" / "labels").rename(room.data / "elsewhere")

    assert Snapshot(room).product_changes(marker, deep=False) == ["data/test/labels is gone"]


def test_changed_contents_of_equal_size_are_seen_only_by_a_deep_look(room, marker):
    (room.data / "test" / "labels" / "a.txt").write_text("two")

    assert Snapshot(room).product_changes(marker, deep=False) == []
    assert Snapshot(room).product_changes(marker, deep=True) == ["the contents of data/test/labels changed"]
