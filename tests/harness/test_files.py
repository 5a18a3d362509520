import errno
import hashlib
import os
from pathlib import Path

import pytest

from harness.files import (
    Digest,
    create_once,
    digest_path,
    digest_paths,
    link_or_copy,
    publish,
    read_json,
    sha256_file,
    size_path,
    write_bytes,
    write_json,
)

LISTED = [("b.txt", b"two"), ("below/a.txt", b"one")]  # what `folder` holds


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def refuse_links(monkeypatch):
    """A file system without hard links, such as FAT."""

    def link(source, target):
        if not os.path.lexists(source):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), source)
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), source)

    monkeypatch.setattr(os, "link", link)


@pytest.fixture
def fsyncs(monkeypatch):
    """Paths of what was written to disk, in order."""
    paths = []

    def fsync(handle):
        paths.append(str(Path(f"/proc/self/fd/{handle}").readlink()))

    monkeypatch.setattr(os, "fsync", fsync)
    return paths


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "folder"
    (made / "below").mkdir(parents=True)
    (made / "b.txt").write_text("two")
    (made / "below" / "a.txt").write_text("one")
    return made


def test_a_file_is_as_before_when_it_cannot_be_written_and_nothing_is_left_beside_it(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("before")

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    for write, name in ((write_bytes, "file"), (create_once, "lock")):
        with pytest.raises(OSError, match="No space left") as caught:
            write(tmp_path / name, b"after")
        assert caught.value.filename == str(tmp_path)

    assert (tmp_path / "file").read_text() == "before"
    assert names(tmp_path) == ["file"]


def test_a_file_is_on_disk_before_it_has_its_name_and_the_name_afterwards(tmp_path, fsyncs):
    write_bytes(tmp_path / "new" / "file", b"content")

    aside, holder = fsyncs
    assert aside.startswith(f"{tmp_path}/new/.file.")
    assert holder == f"{tmp_path}/new"
    assert (tmp_path / "new" / "file").read_bytes() == b"content"


def test_a_table_is_read_as_it_was_written_and_rubbish_is_an_empty_one(tmp_path):
    write_json(tmp_path / "table.json", {"b": [1, None], "a": "ä"})
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "cut.json").write_text('{"a": ')

    assert read_json(tmp_path / "table.json") == {"a": "ä", "b": [1, None]}
    (tmp_path / "deep.json").write_text("[" * 100_000)
    for name in ("list.json", "cut.json", "missing.json", "deep.json"):
        assert read_json(tmp_path / name) == {}


def test_only_the_first_creates_a_file(tmp_path):
    create_once(tmp_path / "deep" / "lock", b"first")

    with pytest.raises(FileExistsError):
        create_once(tmp_path / "deep" / "lock", b"second")

    assert (tmp_path / "deep" / "lock").read_bytes() == b"first"
    assert names(tmp_path / "deep") == ["lock"]


def test_a_file_that_is_created_once_is_written_beside_its_place_once(tmp_path, fsyncs):
    create_once(tmp_path / "lock", b"first")

    assert fsyncs == [f"{tmp_path}/.lock.{os.getpid()}.part", str(tmp_path)]


@pytest.mark.usefixtures("refuse_links")
def test_without_hard_links_a_file_is_whole_at_its_first_appearance(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(os, "fsync", lambda handle: written.append(os.fstat(handle).st_ino))

    create_once(tmp_path / "lock", b"first")

    assert (tmp_path / "lock").stat().st_ino == written[0]  # renamed, so nobody saw it half written


@pytest.mark.parametrize("can_rename_once", [True, False])
@pytest.mark.usefixtures("refuse_links")
def test_without_hard_links_the_first_creates_a_file_too(tmp_path, monkeypatch, can_rename_once):
    if not can_rename_once:  # another system, or a file system that refuses
        monkeypatch.setattr("harness.files._rename_once", lambda source, target: False)
    create_once(tmp_path / "lock", b"first")

    with pytest.raises(FileExistsError):
        create_once(tmp_path / "lock", b"second")

    assert (tmp_path / "lock").read_bytes() == b"first"
    assert names(tmp_path) == ["lock"]


def test_a_link_takes_no_room_and_its_folder_is_made(tmp_path):
    (tmp_path / "file").write_text("content")

    link_or_copy(tmp_path / "file", tmp_path / "a" / "b" / "second")

    assert (tmp_path / "a" / "b" / "second").samefile(tmp_path / "file")


@pytest.mark.usefixtures("refuse_links")
def test_without_hard_links_a_file_is_copied(tmp_path):
    (tmp_path / "file").write_text("content")
    (tmp_path / "a").mkdir()

    link_or_copy(tmp_path / "file", tmp_path / "a" / "second")

    assert (tmp_path / "a" / "second").read_text() == "content"
    assert not (tmp_path / "a" / "second").samefile(tmp_path / "file")


def test_neither_a_missing_source_nor_a_target_that_is_there_is_passed_over(tmp_path):
    (tmp_path / "file").write_text("content")
    (tmp_path / "there").write_text("another")

    with pytest.raises(FileNotFoundError):
        link_or_copy(tmp_path / "missing", tmp_path / "second")
    with pytest.raises(FileExistsError):
        link_or_copy(tmp_path / "file", tmp_path / "there")


@pytest.mark.parametrize("content", [b"", b"content", b"x" * 3_000_001])
def test_a_file_has_the_digest_that_sha256sum_prints(tmp_path, content):
    (tmp_path / "file").write_bytes(content)

    expected = hashlib.sha256(content).hexdigest()
    assert sha256_file(tmp_path / "file") == expected
    assert digest_path(tmp_path / "file") == Digest(bytes=len(content), files=1, sha256=expected)


def test_the_digest_of_a_folder_is_that_of_its_list(folder):
    lines = "".join(f"{hashlib.sha256(text).hexdigest()}  {name}\n" for name, text in LISTED)

    assert digest_path(folder) == Digest(bytes=6, files=2, sha256=hashlib.sha256(lines.encode()).hexdigest())


def test_the_digests_of_many_are_those_of_each(folder):
    paths = [folder, folder / "b.txt", folder / "below"]

    assert digest_paths(paths) == [digest_path(path) for path in paths]
    assert digest_paths([]) == []


def test_a_durable_digest_has_every_file_on_disk(folder, fsyncs):
    assert digest_paths([folder], durable=True) == [digest_path(folder)]

    assert sorted(fsyncs) == [f"{folder}/{name}" for name, _ in LISTED]


def test_an_error_in_one_of_many_files_is_not_lost(folder, monkeypatch):
    def broken(handle):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output error"):
        digest_paths([folder], durable=True)


def test_sizes_need_no_contents(folder, tmp_path):
    assert size_path(folder) == (6, 2)
    assert size_path(folder / "b.txt") == (3, 1)
    assert size_path(tmp_path / "missing") is None
    assert size_path(folder / "b.txt" / "below a file") is None


def test_a_folder_takes_the_place_of_a_full_one(folder, tmp_path, fsyncs):
    (tmp_path / "target" / "old").mkdir(parents=True)

    publish(folder, tmp_path / "target")

    assert sorted(path.name for path in (tmp_path / "target").rglob("*")) == ["a.txt", "b.txt", "below"]
    assert names(tmp_path) == ["target"]
    assert sorted(fsyncs[:2]) == [f"{folder}/{name}" for name, _ in LISTED]
