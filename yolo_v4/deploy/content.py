"""What a product holds, apart from how it is written down, and where two of a kind differ first.

A checkpoint holds tensors and plain values, an ONNX model a graph and weights, a file of TFRecords examples.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from yolo_v4.data.tfrecord import decode, read_records
from yolo_v4.errors import DataError
from yolo_v4.network.checkpoint import load_checkpoint

RECORDS = re.compile(r".*-shard-\d+-of-\d+")


class Difference(NamedTuple):
    """Where two values differ first, both in words, and the largest difference of numbers there."""

    where: str
    left: str
    right: str
    largest: float | None = None

    def __str__(self) -> str:
        largest = "" if self.largest is None else f"; largest difference there {self.largest:.3g}"
        return f"{self.where or 'it'} was {self.left}, is {self.right}{largest}"


def content(path: Path) -> Any:
    """The content of a file: nested dicts, lists, tensors, arrays and plain values.

    Raises DataError: it is of no kind that is known by its name, or is damaged.
    """
    if path.suffix == ".pt":
        checkpoint = load_checkpoint(path)
        return {field.name: getattr(checkpoint, field.name) for field in dataclasses.fields(checkpoint)}
    if path.suffix == ".onnx":
        return _onnx(path)
    if RECORDS.fullmatch(path.name):
        return [decode(record) for record in read_records(path)]
    raise DataError(
        f"{path.name} is neither .pt nor .onnx nor a file of TFRecords", remedy="name another file"
    )


def first_difference(left: Any, right: Any, where: str = "") -> Difference | None:
    """Where two contents differ first; None where they are equal. NaN is equal to NaN."""
    if isinstance(left, torch.Tensor | np.ndarray) and isinstance(right, type(left)):
        return _of_tensors(_tensor(left), _tensor(right), where)
    if dataclasses.is_dataclass(left) and type(left) is type(right):
        return first_difference(_fields(left), _fields(right), where)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        keys = [*left, *(key for key in right if key not in left)]
        pairs = ((left.get(key), right.get(key), f"{where} {key}".strip()) for key in keys)
        return next(filter(None, (first_difference(*pair) for pair in pairs)), None)
    if _is_list(left) and _is_list(right):
        if len(left) != len(right):
            return Difference(where, f"{len(left)} entries", f"{len(right)} entries")
        pairs = (
            (*pair, f"{where} {place}".strip()) for place, pair in enumerate(zip(left, right, strict=True))
        )
        return next(filter(None, (first_difference(*pair) for pair in pairs)), None)
    is_same = left == right or (left != left and right != right)
    return None if is_same and type(left) is type(right) else Difference(where, _shown(left), _shown(right))


def _tensor(value: "torch.Tensor | np.ndarray[Any, Any]") -> torch.Tensor:
    """A copy where it is an array: those of ONNX models cannot be written to, which torch warns of."""
    return torch.tensor(value) if isinstance(value, np.ndarray) else value


def _of_tensors(left: torch.Tensor, right: torch.Tensor, where: str) -> Difference | None:
    if left.dtype != right.dtype or left.shape != right.shape:
        return Difference(where, _kind(left), _kind(right))
    is_same = (left == right) | ((left != left) & (right != right))
    if bool(is_same.all()):
        return None
    place = [int(index) for index in torch.nonzero(~is_same)[0]] if left.ndim else []
    old, new = (_shown(one[tuple(place)].item()) for one in (left, right))
    apart = (left.double() - right.double()).abs()[~is_same]
    largest = float(apart.nan_to_num(nan=float("inf")).max())
    return Difference(f"{where} {place}" if place else where, old, new, largest)


def _kind(one: torch.Tensor) -> str:
    return f"{str(one.dtype).removeprefix('torch.')} {[*one.shape]}"


def _onnx(path: Path) -> dict[str, Any]:
    """The graph with its values numbered in the order in which they appear: names mean nothing."""
    try:
        model = onnx.load_from_string(path.read_bytes())
    except (DecodeError, ValueError) as error:
        raise DataError(f"{path.name} is no ONNX model: {error}", remedy="export it again") from error
    graph, numbers = model.graph, dict[str, int]()

    def number(name: str) -> int:
        return numbers.setdefault(name, len(numbers)) if name else -1  # -1: an input that is left out

    inputs = [
        (one.name, number(one.name), one.type.SerializeToString(deterministic=True)) for one in graph.input
    ]
    nodes = [
        {
            "operator": f"{node.domain}:{node.op_type}",
            "inputs": [number(name) for name in node.input],
            "outputs": [number(name) for name in node.output],
            "attributes": {one.name: _attribute(one) for one in sorted(node.attribute, key=lambda a: a.name)},
        }
        for node in graph.node
    ]
    weights = {number(one.name): numpy_helper.to_array(one) for one in graph.initializer}
    return {
        "operators": {one.domain: one.version for one in model.opset_import},
        "inputs": inputs,
        "outputs": [(one.name, number(one.name)) for one in graph.output],
        "nodes": nodes,
        "weights": {f"of value {place}": weights[place] for place in sorted(weights)},
        "facts": {one.key: one.value for one in sorted(model.metadata_props, key=lambda prop: prop.key)},
    }


def _attribute(attribute: onnx.AttributeProto) -> Any:
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    return value.SerializeToString(deterministic=True) if isinstance(value, onnx.GraphProto) else value


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
