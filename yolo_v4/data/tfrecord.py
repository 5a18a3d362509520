"""TFRecord files and the `tf.train.Example` messages in them.

A record is its length, the masked CRC-32C of the length, the data, and the masked CRC-32C of the data. To
mask a checksum, rotate it right by 15 bits and add 0xa282ead8.
Source: TensorFlow, `tensorflow/core/lib/io/record_writer.h`.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import google_crc32c
from google.protobuf.message import DecodeError

from yolo_v4.data import example_pb2
from yolo_v4.errors import DataError
from yolo_v4.files import written_whole

WARNINGS = "_warning.json"  # end of the name of what `dataset_convert` says beside its records
# An empty list has a type too, so the type goes by the key; all other features are float32.
BYTES_FEATURES = frozenset({"frame/id", "target/object_class"})
INT_FEATURES = frozenset({"frame/height", "frame/width", "target/occlusion"})
_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")
_HEADER_BYTES = _LENGTH.size + _CHECKSUM.size
_REMEDY = "make the TFRecords anew with `yolo_v4 dataset_convert`"


def write_records(path: Path, records: Iterable[bytes]) -> None:
    """Write records so that `path` is complete or as before; `records` may be a generator."""
    with written_whole(path) as stream:
        stream.writelines(map(framed, records))


def framed(record: bytes) -> bytes:
    """A record as it is stored in a file: with its length and checksums."""
    length = _LENGTH.pack(len(record))
    return length + _masked(length) + record + _masked(record)


def read_records(path: Path) -> Iterator[bytes]:
    """The records of one file, each checked; an empty file has none.

    Raises DataError: the file cannot be read, ends within a record, or a checksum is wrong; says which
    record.
    """
    try:
        stream = path.open("rb")
    except OSError as error:
        raise DataError(f"cannot read the TFRecord file {path}: {error.strerror}", remedy=_REMEDY) from error
    with stream:
        for number, header in enumerate(iter(lambda: stream.read(_HEADER_BYTES), b"")):
            length = header[: _LENGTH.size]
            _check(header[_LENGTH.size :], length, path, number, "length")
            wanted_bytes = int(_LENGTH.unpack(length)[0])
            record = stream.read(wanted_bytes)
            if len(record) < wanted_bytes:
                raise _damage(path, number, f"ends after {len(record)} of {wanted_bytes} bytes")
            _check(stream.read(_CHECKSUM.size), record, path, number, "data")
            yield record


def _masked(data: bytes) -> bytes:
    checksum = google_crc32c.value(data)
    rotated = (checksum >> 15 | checksum << 17) & 0xFFFFFFFF
    return _CHECKSUM.pack((rotated + 0xA282EAD8) & 0xFFFFFFFF)


def _check(found: bytes, data: bytes, path: Path, number: int, what: str) -> None:
    if found != _masked(data):
        raise _damage(path, number, f"has a wrong checksum of its {what}")


def _damage(path: Path, number: int, what: str) -> DataError:
    return DataError(
        f"record {number} (counted from 0) of {path} {what}: the file is damaged", remedy=_REMEDY
    )


def encode(features: Mapping[str, Sequence[bytes] | Sequence[int] | Sequence[float]]) -> bytes:
    """Serialise one example; equal features give equal bytes.

    `features`: key -> values; bytes for `BYTES_FEATURES`, int (64 bits) for `INT_FEATURES`, else float.
    """
    example = example_pb2.Example()
    for key, values in features.items():
        feature: Any = example.features.feature[key]
        if key in BYTES_FEATURES:
            chosen = feature.bytes_list
        elif key in INT_FEATURES:
            chosen = feature.int64_list
        else:
            chosen = feature.float_list
        chosen.SetInParent()  # an empty list has its type too
        chosen.value.extend(values)
    return bytes(example.SerializeToString(deterministic=True))


def decode(record: bytes) -> dict[str, list[Any]]:
    """Values of each feature of a serialised example: bytes, int or float, as they were stored.

    Raises DataError: `record` is not an example.
    """
    example = example_pb2.Example()
    try:
        example.ParseFromString(record)
    except DecodeError as error:
        raise DataError(f"{len(record)} bytes are not a tf.train.Example: {error}", remedy=_REMEDY) from error
    stored: Any = example.features.feature
    values = {}
    for key, feature in stored.items():
        kind = feature.WhichOneof("kind")
        values[key] = list(getattr(feature, kind).value) if kind else []
    return values
