"""TFRecord files: length, masked CRC-32C of the length, data, masked CRC-32C of the data.

Source: TensorFlow, `tensorflow/core/lib/io/record_writer.h`; a checksum is rotated right by 15 bits, plus 0xa282ead8.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import google_crc32c

from yolo_v4.errors import DataError

_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")
_HEADER_BYTES = _LENGTH.size + _CHECKSUM.size


def write_records(path: Path, records: Iterable[bytes]) -> None:
    """Write records so that `path` is either as before or complete; the records may be made while they are written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with aside.open("wb") as stream:
            for record in records:
                length = _LENGTH.pack(len(record))
                stream.write(length + _masked(length) + record + _masked(record))
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def read_records(path: Path) -> Iterator[bytes]:
    """The records of one file, each checked; an empty file has none.

    Raises:
        DataError: the file cannot be read, ends within a record, or a checksum is wrong; says which record.
    """
    try:
        stream = path.open("rb")
    except OSError as error:
        raise DataError(f"cannot read the TFRecord file {path}: {error.strerror}", remedy=_REMEDY) from error
    with stream:
        number = 0
        while header := stream.read(_HEADER_BYTES):
            length = header[: _LENGTH.size]
            _check(header[_LENGTH.size :], length, path, number, "length")
            wanted_bytes = int(_LENGTH.unpack(length)[0])
            record = stream.read(wanted_bytes)
            if len(record) < wanted_bytes:
                raise _damage(path, number, f"ends after {len(record)} of {wanted_bytes} bytes")
            _check(stream.read(_CHECKSUM.size), record, path, number, "data")
            yield record
            number += 1


_REMEDY = "make the TFRecords anew with `yolo_v4 dataset_convert`"


def _masked(data: bytes) -> bytes:
    checksum = google_crc32c.value(data)
    rotated = (checksum >> 15 | checksum << 17) & 0xFFFFFFFF
    return _CHECKSUM.pack((rotated + 0xA282EAD8) & 0xFFFFFFFF)


def _check(found: bytes, data: bytes, path: Path, number: int, what: str) -> None:
    if found != _masked(data):
        raise _damage(path, number, f"has a wrong checksum of its {what}")


def _damage(path: Path, number: int, what: str) -> DataError:
    return DataError(f"record {number} (counted from 0) of {path} {what}: the file is damaged", remedy=_REMEDY)
