"""tf.train.Example as bytes, with the features that TAO's converter writes."""

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.message import DecodeError

from yolo_v4.data import example_pb2
from yolo_v4.errors import DataError

# A list without entries has a type all the same, so the type goes by the key; all other features are float32.
BYTES_FEATURES = frozenset({"frame/id", "target/object_class"})
INT_FEATURES = frozenset({"frame/height", "frame/width", "target/occlusion"})


def encode(features: Mapping[str, Sequence[bytes] | Sequence[int] | Sequence[float]]) -> bytes:
    """Serialise one example; equal features give equal bytes.

    Args:
        features: key -> values; bytes for `BYTES_FEATURES`, int (64 bits) for `INT_FEATURES`, else float.
    """
    example = example_pb2.Example()
    for key, values in features.items():
        feature: Any = example.features.feature[key]
        chosen = getattr(feature, _kind(key))
        chosen.SetInParent()
        chosen.value.extend(values)
    return bytes(example.SerializeToString(deterministic=True))


def decode(record: bytes) -> dict[str, list[Any]]:
    """Values of each feature of a serialised example: bytes, int or float by what was stored.

    Raises:
        DataError: the bytes are not an example.
    """
    example = example_pb2.Example()
    try:
        example.ParseFromString(record)
    except DecodeError as error:
        raise DataError(
            f"{len(record)} bytes are not a tf.train.Example: {error}",
            remedy="make the TFRecords anew with `yolo_v4 dataset_convert`",
        ) from error
    stored: Any = example.features.feature
    return {key: _values(feature) for key, feature in stored.items()}


def _values(feature: Any) -> list[Any]:
    kind = feature.WhichOneof("kind")
    return list(getattr(feature, kind).value) if kind else []


def _kind(key: str) -> str:
    if key in BYTES_FEATURES:
        return "bytes_list"
    return "int64_list" if key in INT_FEATURES else "float_list"
