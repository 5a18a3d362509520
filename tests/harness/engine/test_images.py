import hashlib
import os

from harness.engine.images import image_digest
from harness.workspace.layout import Workspace


def test_a_digest_is_remembered_while_size_and_time_stay(tmp_path):
    image, room = tmp_path / "x.sif", Workspace(tmp_path / "workspace")
    image.write_bytes(b"one")
    facts = image.stat()
    first = hashlib.sha256(b"one").hexdigest()
    assert image_digest(room, image) == first

    image.write_bytes(b"two")
    os.utime(image, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert image_digest(room, image) == first, "read again although size and time are the same"

    image.write_bytes(b"three")
    assert image_digest(room, image) == hashlib.sha256(b"three").hexdigest()


def test_a_digest_is_kept_in_a_workspace_and_makes_none_of_another_folder(tmp_path):
    image, room = tmp_path / "x.sif", Workspace(tmp_path / "somewhere")
    image.write_bytes(b"one")
    image_digest(room, image)
    assert not room.root.exists()

    room.marker("train").parent.mkdir(parents=True)
    image_digest(room, image)
    assert [path.name for path in room.marker("train").parent.iterdir()] == ["image-digest"]


def test_an_image_that_is_not_there_has_no_digest(tmp_path):
    assert image_digest(Workspace(tmp_path), tmp_path / "none.sif") == ""
