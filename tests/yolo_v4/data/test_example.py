import pytest

from yolo_v4.data.tfrecord import decode, encode
from yolo_v4.errors import DataError


def test_an_example_is_written_in_tensorflows_wire_format() -> None:
    # Features { feature { key: "frame/width" value { int64_list { value: 5 } } } }, by the protobuf encoding
    # rules.
    expected = bytes.fromhex("0a16 0a14 0a0b") + b"frame/width" + bytes.fromhex("1205 1a03 0a0105")
    assert encode({"frame/width": [5]}) == expected


def test_values_keep_their_kind() -> None:
    features = {"frame/id": [b"a/b"], "target/occlusion": [-1, 2**40], "target/coordinates_x1": [0.5, 1.25]}
    assert decode(encode(features)) == features


def test_lists_without_entries_keep_their_place() -> None:
    features: dict[str, list[bytes]] = {
        "target/object_class": [],
        "target/occlusion": [],
        "target/truncation": [],
    }
    assert decode(encode(features)) == features


def test_bytes_that_are_no_example_are_refused() -> None:
    with pytest.raises(DataError, match=r"3 bytes are not a tf\.train\.Example"):
        decode(b"abc")
