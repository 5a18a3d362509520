import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from yolo_v4.cli import main
from yolo_v4.commands.export import _inputs
from yolo_v4.data.batches import letterboxed
from yolo_v4.data.frames import read_frames
from yolo_v4.network.checkpoint import load_checkpoint, save_checkpoint
from yolo_v4.spec.load import load_experiment

# The model's four cars of 20 x 10 around (16 or 48, 16 or 48) as shares of its 64 x 64 input.
CORNERS = np.array([(6, 11, 26, 21), (38, 11, 58, 21), (6, 43, 26, 53), (38, 43, 58, 53)]) / 64


def _export(trained, *more: str) -> int:
    return main(["export", "-m", str(trained.model), "-e", str(trained.spec), *more])


@pytest.mark.slow
@pytest.mark.parametrize("data_type", ["fp32", "fp16"])
def test_the_model_finds_in_onnxruntime_what_it_finds_here(trained, capsys, data_type) -> None:
    found = [(12, 6, 52, 26), (12, 70, 52, 90), (76, 6, 116, 26), (76, 70, 116, 90)]  # of every picture
    rows = [f"car 0 0 0 {left} {top} {right} {bottom} 0 0 0 0 0 0 0" for left, top, right, bottom in found]
    trained.add_picture("a.png", "\n".join(rows))

    assert _export(trained, "-o", str(trained.folder / "out.onnx"), "--data_type", data_type) == 0

    printed = capsys.readouterr().out
    assert "ONNX model saved as out.onnx, " in printed
    assert str(trained.folder) not in printed  # the harness moves the file to where it stays
    assert "Largest difference between ONNX and PyTorch on 3 pictures: " in printed
    assert "mAP on 1 frames of validation_data_sources: PyTorch 1.0000, ONNX 1.0000" in printed
    session = onnxruntime.InferenceSession(trained.folder / "out.onnx", providers=["CPUExecutionProvider"])
    count, boxes, scores, classes = session.run(None, {"Input": np.zeros((3, 3, 64, 64), dtype=np.float32)})
    assert count.tolist() == [[4], [4], [4]]
    for picture in range(3):
        order = np.lexsort((boxes[picture, :4, 0], boxes[picture, :4, 1]))
        np.testing.assert_allclose(boxes[picture, :4][order], CORNERS, atol=2e-3)
    np.testing.assert_allclose(scores[:, :4], 0.9, atol=2e-3)
    assert (classes[:, :4] == 1).all()
    assert (classes[:, 4:] == -1).all()
    assert not boxes[:, 4:].any()
    assert not scores[:, 4:].any()


@pytest.mark.slow
def test_the_bytes_are_the_same_each_time_and_tell_no_path(trained) -> None:
    assert _export(trained, "-o", str(trained.folder / "one.onnx")) == 0
    assert _export(trained, "-o", str(trained.folder / "two")) == 0

    one, two = (trained.folder / name for name in ("one.onnx", "two.onnx"))
    assert one.read_bytes() == two.read_bytes()
    assert str(trained.folder).encode() not in one.read_bytes()
    assert b".py" not in one.read_bytes()
    model = onnx.load(one)
    assert {node.domain for node in model.graph.node} == {""}
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert (told["classes"], told["mean"], told["data_licence"]) == (
        "bus,car",
        "103.939,116.779,123.68",
        "not told",
    )


@pytest.mark.slow
def test_settings_for_deepstream_stand_beside_the_model(trained) -> None:
    assert (
        _export(trained, "-o", str(trained.folder / "out" / "m.onnx"), "--gen_ds_config", "-k", "secret") == 0
    )

    assert (trained.folder / "out" / "labels.txt").read_text() == "bus\ncar\n"
    lines = (trained.folder / "out" / "nvinfer_config.txt").read_text().splitlines(keepends=True)
    remarks = [line for line in lines if line.startswith("#")]
    assert any("DeepStream cannot pad with the mean colour" in line for line in remarks)
    assert "".join(lines[len(remarks) :]) == (
        "net-scale-factor=1.0\n"
        "offsets=103.939;116.779;123.68\n"
        "infer-dims=3;64;64\n"
        "network-type=0\n"
        "num-detected-classes=2\n"
        "model-color-format=1\n"
        "maintain-aspect-ratio=1\n"
        "symmetric-padding=1\n"
        "scaling-filter=1\n"
        "output-tensor-meta=0\n"
    )


def test_nothing_is_overwritten(trained, capsys) -> None:
    target = trained.folder / "model.onnx"
    target.write_text("mine")

    assert _export(trained) == 1

    assert f"Default output file {target} already exists" in capsys.readouterr().err
    assert target.read_text() == "mine"


def test_int8_is_calibrated_and_compared_with_pytorch(trained, capsys) -> None:
    corners = ("12 6 52 26", "76 6 116 26", "12 70 52 90", "76 70 116 90")  # of the 128 x 96 picture
    for name in "abcd":
        trained.add_picture(f"{name}.png", "".join(f"car 0 0 0 {box} 0 0 0 0 0 0 0\n" for box in corners))
    flags = ["--data_type", "int8", "--batches", "2", "--batch_size", "2"]

    assert _export(trained, "-o", str(trained.folder / "out.onnx"), *flags) == 0

    assert (
        "mAP on 4 frames of validation_data_sources: PyTorch 1.0000, ONNX 1.0000" in capsys.readouterr().out
    )
    nodes = onnx.load(trained.folder / "out.onnx").graph.node
    assert {"QuantizeLinear", "DequantizeLinear"} <= {node.op_type for node in nodes}


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (
            ["--data_type", "int8"],
            "Not enough number of images provided: 1, and --batches x --batch_size is 80",
        ),
        (["--data_type", "int8", "--cal_image_dir", "nowhere"], "nowhere is no folder or picture"),
    ],
)
def test_what_cannot_be_done_is_refused(trained, capsys, flags, complaint) -> None:
    trained.add_picture("a.png")

    assert _export(trained, *flags) == 1

    assert complaint in capsys.readouterr().err
    assert not (trained.folder / "model.onnx").exists()


@pytest.mark.slow
@pytest.mark.parametrize("data_type", ["fp32", "fp16"])
def test_a_model_that_computes_nan_is_not_written(trained, capsys, data_type) -> None:
    checkpoint = load_checkpoint(trained.model)
    checkpoint.weights["conv_big_object.bias"].fill_(float("nan"))
    save_checkpoint(trained.model, checkpoint)

    assert _export(trained, "--data_type", data_type) == 1

    assert "differs from the network by nan" in capsys.readouterr().err
    assert not (trained.folder / "model.onnx").exists()


@pytest.mark.slow
def test_flags_for_other_formats_are_said_to_do_nothing(trained, capsys) -> None:
    assert _export(trained, "--max_batch_size", "4", "--engine_file", "x", "--force_ptq", "-v") == 0

    assert capsys.readouterr().err == "".join(
        f"note: {flag} has no effect here\n"
        for flag in ("--max_batch_size", "--engine_file", "--force_ptq", "--verbose")
    )


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (None, "there are none"),
        ("", "none of them has an object"),
        ("car 0 0 0 1 1 5 5 0 0 0 0 0 0 0\n", "the network finds nothing right on them"),
    ],
)
def test_int8_that_cannot_be_judged_on_real_frames_is_refused_unless_forced(
    trained, capsys, labels, why
) -> None:
    for name in "ab":
        trained.add_picture(f"{name}.png", labels or "")
    if labels is None:
        text = trained.spec.read_text()
        folder = f'validation_data_sources {{ label_directory_path: "{trained.folder}/labels"'
        assert folder in text
        trained.spec.write_text(
            text.replace(folder, 'validation_data_sources { label_directory_path: "/gone"')
        )
    flags = ["--data_type", "int8", "--batches", "1", "--batch_size", "2"]
    flags += ["--cal_image_dir", str(trained.folder / "images"), "-o", str(trained.folder / "out.onnx")]

    assert _export(trained, *flags) == 1

    error = capsys.readouterr().err
    assert f"int8 can only be judged by its mAP on validation frames, and {why}" in error
    assert "--force" in error
    assert not (trained.folder / "out.onnx").exists()
    assert _export(trained, *flags, "--force") == 0
    assert (trained.folder / "out.onnx").exists()


def test_pictures_are_placed_for_export_as_they_are_for_evaluation(trained) -> None:
    experiment = load_experiment(trained.spec)
    trained.add_picture("wide.png", size=(128, 32))
    frame = read_frames(experiment, "validation")[0]

    (judged,), _ = letterboxed([frame], experiment)

    assert torch.equal(_inputs([frame.image], experiment)[0], judged)


def test_a_damaged_picture_to_calibrate_with_is_named(trained, capsys) -> None:
    trained.add_picture("a.png", size=(300, 300))
    path = trained.folder / "images" / "a.png"
    path.write_bytes(path.read_bytes()[:200])
    flags = [
        "--data_type",
        "int8",
        "--cal_image_dir",
        str(path.parent),
        "--batches",
        "1",
        "--batch_size",
        "1",
    ]

    assert _export(trained, *flags) == 1

    assert f"{path} cannot be decoded" in capsys.readouterr().err
