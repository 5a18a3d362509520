from collections.abc import Iterator
from pathlib import Path

import pytest

from yolo_v4.data.tfrecord import read_records, write_records
from yolo_v4.errors import DataError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "records"
    write_records(path, [b"first", b"", b"third"])
    return path


def test_records_come_back_as_they_were(path: Path) -> None:
    assert list(read_records(path)) == [b"first", b"", b"third"]


def test_a_file_without_records_is_empty(path: Path) -> None:
    write_records(path, [])
    assert path.read_bytes() == b""
    assert list(read_records(path)) == []


@pytest.mark.parametrize(
    ("place", "complaint"),
    [
        (0, "record 0 .* has a wrong checksum of its length"),
        (12, "record 0 .* has a wrong checksum of its data"),
        (-1, "record 2 .* has a wrong checksum of its data"),
    ],
)
def test_a_changed_byte_is_found_and_its_record_named(path: Path, place: int, complaint: str) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=complaint) as error:
        list(read_records(path))
    assert str(path) in error.value.message


@pytest.mark.parametrize(
    ("missing", "complaint"), [(6, "ends after 3 of 5"), (2, "wrong checksum"), (12, "checksum")]
)
def test_a_cut_file_is_found_and_its_record_named(path: Path, missing: int, complaint: str) -> None:
    path.write_bytes(path.read_bytes()[:-missing])
    with pytest.raises(DataError, match=f"record 2 .*{complaint}"):
        list(read_records(path))


def test_a_failure_half_way_leaves_what_was_there_and_no_rest(path: Path) -> None:
    def failing() -> Iterator[bytes]:
        yield b"new"
        raise DataError("broken", remedy="none")

    before = path.read_bytes()
    with pytest.raises(DataError, match="broken"):
        write_records(path, failing())
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["records"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read the TFRecord file .*none: No such file"):
        list(read_records(tmp_path / "none"))
