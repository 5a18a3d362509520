import zipfile

import pytest

from harness.data.source import open_source, pictures_of, read_text
from harness.errors import DataError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "set" / "images").mkdir(parents=True)
    for name in ("images/b.PNG", "images/a.jpg", "images/._a.jpg", "notes.txt"):
        (tmp_path / "set" / name).write_bytes(name.encode())
    return tmp_path / "set"


def test_a_folder_and_an_archive_of_it_have_the_same_files(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for file in folder.rglob("*.*"):
            archive.write(file, file.relative_to(folder))

    for path in (folder, tmp_path / "set.zip"):
        with open_source(path) as source:
            assert source.names == ("images/a.jpg", "images/b.PNG", "notes.txt")
            assert pictures_of(source) == ["images/a.jpg", "images/b.PNG"]
            assert source.read("images/b.PNG") == b"images/b.PNG"


def test_links_out_of_the_folder_are_not_followed(folder, tmp_path):
    (tmp_path / "secret.txt").write_text("x")
    (folder / "out.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "in.txt").symlink_to(folder / "notes.txt")

    with open_source(folder) as source:
        assert "out.txt" not in source.names
        assert "in.txt" in source.names


def test_an_archive_that_leaves_its_folder_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("../a.jpg", b"")

    with pytest.raises(DataError, match="leaves the archive's folder"), open_source(tmp_path / "x.zip"):
        pass


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("gone.zip", None, "no archive or folder at"),
        ("a.tar.gz", b"\x1f\x8b", "is no zip archive"),
        ("a.zip", b"<html>", "a web page"),
    ],
)
def test_what_cannot_be_opened_is_called_what_it_is(tmp_path, name, content, complaint):
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(DataError, match=complaint), open_source(tmp_path / name):
        pass


def test_a_byte_order_mark_is_no_text_and_other_encodings_are_told(folder):
    (folder / "mark.txt").write_bytes(b"\xef\xbb\xbfcar\n")
    (folder / "wide.txt").write_bytes("car".encode("utf-16"))

    with open_source(folder) as source:
        assert read_text(source, "mark.txt") == "car\n"
        with pytest.raises(DataError, match=r"wide\.txt in .* is not UTF-8"):
            read_text(source, "wide.txt")
