"""`compare` tells whether two files hold the same, whatever their bytes are."""

import json

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from yolo_v4.cli import main
from yolo_v4.data.tfrecord import encode, framed, write_records
from yolo_v4.deploy.content import first_difference

RECORDS = "train-fold-000-of-001-shard-00000-of-00001"


@pytest.fixture
def sides(tmp_path):
    folders = tmp_path / "left", tmp_path / "right"
    for folder in folders:
        folder.mkdir()
    return folders


def compared(sides, name):
    left, right = sides
    results = left.parent / "results"
    assert main(["compare", "--left", str(left), "--right", str(right), "-r", str(results), "--", name]) == 0
    last = (results / "status.json").read_text().splitlines()[-1]
    return json.loads(last)["kpi"][name]


def checkpoint(path, *, weight=0.5, newer_zip=True):
    identity = {
        "release": "3.21",
        "arch": "resnet",
        "layers": 10,
        "conv_blocks": 2,
        "force_relu": False,
        "channels": 3,
        "input_wh": (128, 96),
        "classes": ("car",),
        "anchors": (),
        "grid_xy_extend": (0.05, 0.1, 0.2),
    }
    content = {
        "format": 1,
        "identity": identity,
        "weights": {"head.weight": torch.tensor([[1.0, weight], [2.0, float("nan")]])},
        "average": None,
        "optimizer": {"state": {0: {"step": 3}}},
        "scaler": {},
        "epoch": 2,
        "history": [{"loss": 1.5}],
    }
    torch.save(content, path, _use_new_zipfile_serialization=newer_zip)


def model(path, *, weight=0.5, names="ab", producer="one"):
    first, second = names
    weights = numpy_helper.from_array(np.array([1.0, weight], np.float32), second)
    nodes = [helper.make_node("Add", [first, second], ["sum"], name=f"node_{second}")]
    inputs = [helper.make_tensor_value_info(first, TensorProto.FLOAT, [2])]
    outputs = [helper.make_tensor_value_info("sum", TensorProto.FLOAT, [2])]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, [weights])
    made = helper.make_model(graph, producer_name=producer, opset_imports=[helper.make_opsetid("", 17)])
    onnx.save(made, str(path))


def test_checkpoints_of_other_bytes_hold_the_same_tensors(sides):
    checkpoint(sides[0] / "a.pt")
    checkpoint(sides[1] / "a.pt", newer_zip=False)

    assert (sides[0] / "a.pt").read_bytes() != (sides[1] / "a.pt").read_bytes()
    assert compared(sides, "a.pt") == {"same": True, "difference": ""}


def test_the_first_weight_that_differs_is_named_with_both_values(sides):
    checkpoint(sides[0] / "a.pt")
    checkpoint(sides[1] / "a.pt", weight=0.75)

    assert compared(sides, "a.pt") == {
        "same": False,
        "difference": "weights head.weight [0, 1] was 0.5, is 0.75; largest difference there 0.25",
    }


def test_a_checkpoint_that_cannot_be_read_is_told_by_side_and_without_its_path(sides):
    checkpoint(sides[0] / "a.pt")
    (sides[1] / "a.pt").write_text("seed 42 epoch 2")

    answer = compared(sides, "a.pt")

    assert (answer["same"], answer["unreadable"]) == (None, "right")
    assert str(sides[1]) not in answer["difference"]


def test_a_model_is_the_same_under_another_producer_and_other_names_of_nodes(sides):
    model(sides[0] / "a.onnx")
    model(sides[1] / "a.onnx", names="ac", producer="two")

    assert compared(sides, "a.onnx") == {"same": True, "difference": ""}


def test_a_weight_of_a_model_is_noticed(sides):
    model(sides[0] / "a.onnx")
    model(sides[1] / "a.onnx", weight=0.25)

    assert compared(sides, "a.onnx")["difference"] == (
        "weights of value 1 [1] was 0.5, is 0.25; largest difference there 0.25"
    )


def test_examples_are_compared_and_not_their_order_of_keys(sides):
    features = {"frame/width": [8], "frame/id": [b"a"], "target/coordinates_x1": [1.0]}
    swapped = encode({"frame/id": [b"a"]}) + encode({"frame/width": [8], "target/coordinates_x1": [1.0]})
    write_records(sides[0] / RECORDS, [encode(features)])
    (sides[1] / RECORDS).write_bytes(framed(swapped))

    assert (sides[0] / RECORDS).read_bytes() != (sides[1] / RECORDS).read_bytes()
    assert compared(sides, RECORDS) == {"same": True, "difference": ""}


def test_a_value_of_an_example_is_noticed(sides):
    for side, width in zip(sides, (8, 9), strict=True):
        write_records(side / RECORDS, [encode({"frame/width": [4]}), encode({"frame/width": [width]})])

    assert compared(sides, RECORDS)["difference"] == "1 frame/width 0 was 8, is 9"


def test_files_of_another_kind_are_not_compared(sides):
    for side in sides:
        (side / "a.tlt").write_bytes(b"encrypted")

    answer = compared(sides, "a.tlt")

    assert (answer["same"], answer["unreadable"]) == (None, "left")


def test_the_number_of_entries_and_the_kind_of_a_value_count():
    assert str(first_difference([1, 2], [1], "rows")) == "rows was 2 entries, is 1 entries"
    assert str(first_difference({"a": 1}, {"a": 1.0})) == "a was 1, is 1.0"
    assert str(first_difference(torch.zeros(2), torch.zeros(3), "w")) == "w was float32 [2], is float32 [3]"
    assert first_difference(float("nan"), float("nan")) is None
