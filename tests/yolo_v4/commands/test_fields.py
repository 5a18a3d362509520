"""Fields of the spec act in every command that they matter to: each is changed, its effect inspected."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from yolo_v4.cli import main
from yolo_v4.network.checkpoint import Checkpoint, load_checkpoint
from yolo_v4.network.pretrained import starting_network
from yolo_v4.spec.load import load_experiment

CARS = "".join(
    f"car 0 0 0 {corners} 0 0 0 0 0 0 0\n"
    for corners in ("12 6 52 26", "76 6 116 26", "12 70 52 90", "76 70 116 90")
)
NMS_CHANGES = [
    (("top_k: 50", "top_k: 3"), 3),
    (("confidence_threshold: 0.01", "confidence_threshold: 0.91"), 0),
    (
        ("clustering_iou_threshold: 0.5", "clustering_iou_threshold: 0.9"),
        8,
    ),  # both anchors in each of four cells
    (("big_anchor_shape", "big_anchor_shape"), 4),
]


@pytest.fixture
def overlapping(trained):
    """The model that finds cars, with a second anchor that covers five sixths of the first."""
    trained.change(
        '"[(20, 10)]" mid_anchor_shape: "[(8, 8)]"', '"[(20, 10), (20, 12)]" mid_anchor_shape: "[(8, 8)]"'
    )
    trained.add_picture("a.png", CARS)
    return trained


@pytest.mark.parametrize(("change", "boxes"), NMS_CHANGES)
def test_nms_config_rules_inference(overlapping, change: tuple[str, str], boxes: int) -> None:
    overlapping.change(*change)
    flags = [
        "-m",
        str(overlapping.model),
        "-e",
        str(overlapping.spec),
        "-i",
        str(overlapping.folder / "images"),
    ]

    assert main(["inference", *flags, "-l", str(overlapping.folder / "out")]) == 0

    assert len((overlapping.folder / "out" / "a.txt").read_text().splitlines()) == boxes


@pytest.mark.slow
@pytest.mark.parametrize(("change", "boxes"), NMS_CHANGES)
def test_nms_config_rules_the_exported_model(overlapping, change: tuple[str, str], boxes: int) -> None:
    overlapping.change(*change)
    target = overlapping.folder / "out.onnx"

    assert main(["export", "-m", str(overlapping.model), "-e", str(overlapping.spec), "-o", str(target)]) == 0

    session = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
    count, found, _, _ = session.run(None, {"Input": np.zeros((1, 3, 64, 64), dtype=np.float32)})
    assert count.tolist() == [[boxes]]
    top_k = load_experiment(overlapping.spec).nms.top_k
    assert found.shape[1] == min(
        top_k, 2 * (2 * 4 + 16 + 64)
    )  # never more than there are predictions of two classes


def kpi(trained) -> dict:
    results = trained.folder / "results"
    assert main(["evaluate", "-m", str(trained.model), "-e", str(trained.spec), "-r", str(results)]) == 0
    return json.loads((results / "status.json").read_text().splitlines()[-1])["kpi"]


@pytest.mark.parametrize(
    ("change", "precision"),
    [
        (("SAMPLE", "INTEGRATE"), 1.0),
        (("top_k: 50", "top_k: 2"), 6 / 11),  # half of the cars, so the points up to recall 0.5
        (("confidence_threshold: 0.01", "confidence_threshold: 0.91"), 0.0),
        (("matching_iou_threshold: 0.5", "matching_iou_threshold: 0.99"), 0.0),
    ],
)
def test_nms_config_and_eval_config_rule_evaluation(
    trained, change: tuple[str, str], precision: float
) -> None:
    # Their bottoms are off by two fifths of a pixel, so found boxes overlap them by 0.98.
    trained.add_picture("a.png", CARS.replace("26 0", "26.4 0").replace("90 0", "90.4 0"))
    assert kpi(trained)["AP"]["car"] == pytest.approx(1.0)
    trained.change(*change)

    assert kpi(trained)["AP"]["car"] == pytest.approx(precision)


def test_several_classes_of_the_labels_count_as_the_one_they_are_mapped_to(trained) -> None:
    trained.add_picture(
        "a.png", CARS.replace("car 0 0 0 12 6", "Van 0 0 0 12 6").replace("car 0 0 0 76 6", "tram 0 0 0 76 6")
    )
    assert kpi(trained)["boxes"]["car"] == 2
    trained.change(
        '{ key: "car" value: "car" }',
        '{ key: "car" value: "car" } target_class_mapping { key: "van" value: "Car" }',
    )

    assert kpi(trained)["boxes"] == {"bus": 0, "car": 3}


def test_frames_are_evaluated_in_batches_of_eval_config(trained, capsys) -> None:
    trained.add_picture("a.png", CARS)
    trained.change("SAMPLE batch_size: 2", "SAMPLE batch_size: 7")

    assert kpi(trained)["images"] == 1

    assert "batch size 7 from eval_config" in capsys.readouterr().out


# ---- training, and what was trained in the other commands


class Run:
    """A spec on `street`, trained for an epoch."""

    def __init__(self, spec: Path, folder: Path, *flags: str) -> None:
        torch.set_num_threads(1)
        self.spec, self.folder = spec, folder
        assert main(["train", "-e", str(spec), "-r", str(folder), *flags]) == 0
        self.model = folder / "weights" / "yolov4_resnet10_epoch_001.pt"

    @property
    def checkpoint(self) -> Checkpoint:
        return load_checkpoint(self.model)

    def evaluate(self) -> dict:
        return kpi(self)  # it has the three names that are needed

    def inference(self, images: Path) -> None:
        flags = [
            "-m",
            str(self.model),
            "-e",
            str(self.spec),
            "-i",
            str(images),
            "-r",
            str(self.folder / "seen"),
        ]
        assert main(["inference", *flags]) == 0

    def export(self) -> onnx.ModelProto:
        target = self.folder / "out.onnx"
        flags = ["-m", str(self.model), "-e", str(self.spec), "-o", str(target), "--gen_ds_config"]
        assert main(["export", *flags]) == 0
        return onnx.load(target)

    def settings(self) -> str:
        return (self.folder / "nvinfer_config.txt").read_text()


@pytest.fixture
def run(write_spec: Callable[..., Path], tmp_path: Path) -> Callable[..., Run]:
    def run(*flags: str, **added: str) -> Run:
        training = f"num_epochs: 1 checkpoint_interval: 1 {added.pop('training', '')}"
        return Run(write_spec(training=training, **added), tmp_path / "run", *flags)

    return run


def input_shape(model: onnx.ModelProto) -> list[int]:
    return [dimension.dim_value for dimension in model.graph.input[0].type.tensor_type.shape.dim][1:]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "shape", "settings"),
    [
        (
            "output_width: 96 output_height: 32",
            [3, 32, 96],
            "offsets=103.939;116.779;123.68\ninfer-dims=3;32;96\n",
        ),
        ("output_channel: 1", [1, 64, 64], "offsets=117.3786;\ninfer-dims=1;64;64\n"),
        (
            'image_mean { key: "r" value: 3 } image_mean { key: "g" value: 2 } '
            'image_mean { key: "b" value: 1 }',
            [3, 64, 64],
            "offsets=1.0;2.0;3.0\ninfer-dims=3;64;64\n",
        ),
    ],
)
def test_size_channels_and_mean_of_the_input_hold_in_every_command(
    run: Callable[..., Run], street: Path, text: str, shape: list[int], settings: str
) -> None:
    trained = run(augmentation=text)

    assert trained.checkpoint.weights["backbone.conv1.weight"].shape[1] == shape[0]
    assert trained.evaluate()["boxes"] == {"bus": 0, "car": 6}  # a van is a car here; the buses are difficult
    trained.inference(street / "images")
    assert len(list((trained.folder / "seen" / "labels").iterdir())) == 6
    assert input_shape(trained.export()) == shape
    assert settings.replace(";\n", "\n") in trained.settings()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "text", "layer"),
    [
        ((), "arch_conv_blocks: 1", "neck.yolo_conv1_3"),
        ((), "arch_conv_blocks: 2", "neck.yolo_conv1_5"),
        ((), "force_relu: true", "neck.yolo_conv1_1"),
        (("--network_release", "5.0"), "", "neck.bg_leaky_conv1024"),
    ],
)
def test_the_network_that_was_asked_for_is_trained_judged_and_exported(
    run: Callable[..., Run], flags: tuple[str, ...], text: str, layer: str
) -> None:
    trained = run(*flags, network=text)

    assert f"{layer}.weight" in trained.checkpoint.weights
    assert trained.evaluate()["images"] == 6
    operators = {node.op_type for node in trained.export().graph.node}
    assert ("LeakyRelu" in operators) == ("force_relu" not in text)


@pytest.mark.slow
def test_frozen_parts_stay_as_they_were_and_the_others_learn(run: Callable[..., Run]) -> None:
    trained = run(network="freeze_blocks: 0 freeze_blocks: 2 freeze_bn: true", training="model_ema: true")

    before, after = (
        starting_network(load_experiment(trained.spec))[0].state_dict(),
        trained.checkpoint.weights,
    )
    stays = {name for name in before if "num_batches" not in name and torch.equal(before[name], after[name])}
    frozen = {"backbone.conv1.weight"}
    frozen |= {name for name in before if name.startswith("backbone.block_2") and "_conv_" in name}
    frozen |= {name for name in before if name.startswith("backbone.") and "running" in name}
    assert stays == frozen
    assert trained.export()


@pytest.mark.slow
@pytest.mark.parametrize(
    "optimizer",
    ["sgd { momentum: 0.9 nesterov: true }", "adam { epsilon: 1e-7 beta1: 0.9 beta2: 0.999 amsgrad: true }"],
)
@pytest.mark.parametrize("schedule", ["annealing: 0.9", ""])
def test_optimiser_and_schedule_are_those_of_the_spec(
    run: Callable[..., Run], optimizer: str, schedule: str
) -> None:
    kind = "soft_start_annealing_schedule" if schedule else "soft_start_cosine_annealing_schedule"
    rates = f"min_learning_rate: 1e-6 max_learning_rate: 1e-4 soft_start: 0.5 {schedule}"
    trained = run(training=f"optimizer {{ {optimizer} }} learning_rate {{ {kind} {{ {rates} }} }}")

    state = trained.checkpoint.optimizer["state"][0]
    assert ("velocity" in state, "max_exp_avg_sq" in state) == ("sgd" in optimizer, "amsgrad" in optimizer)
    # Of the one epoch's two steps both are done: past the end of either schedule's rise.
    expected = 1e-6 if schedule else 1e-6 + (1e-4 - 1e-6) * 0.5
    assert trained.checkpoint.history[0]["lr"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.slow
def test_a_regulariser_draws_kernels_to_zero(run: Callable[..., Run], tmp_path: Path) -> None:
    sizes = []
    for weight in ("type: NO_REG", "type: L2 weight: 0.9"):
        trained = run(
            training=f"regularizer {{ {weight} }} optimizer {{ sgd {{ momentum: 0 }} }} learning_rate {{"
            " soft_start_cosine_annealing_schedule { min_learning_rate: 0.09 max_learning_rate: 0.1 } }",
            network="loss_loc_weight: 0 loss_neg_obj_weights: 0 loss_class_weights: 0",
        )
        sizes.append(trained.checkpoint.weights["backbone.block_4a_conv_2.weight"].norm().item())
        trained.folder.rename(tmp_path / weight.split()[1])
    assert sizes[1] < 0.85 * sizes[0]


@pytest.mark.slow
@pytest.mark.parametrize("images", [0, 3])
def test_a_visualizer_that_is_enabled_writes_as_many_pictures_as_it_says(
    run: Callable[..., Run], images: int
) -> None:
    trained = run(training=f"visualizer {{ enabled: true num_images: {images} }}")

    (written,) = (path.read_bytes() for path in (trained.folder / "logs").iterdir())
    assert written.count(b"image/augmented_images/image/") == written.count(b"\x89PNG") == images
    assert b"histogram/weight/conv1" in written


@pytest.fixture
def doubled(trained):
    """The model that finds cars, which looks at twice the size: a picture of 128 x 96 keeps its own.

    There are four by four cells of 32 pixels, with a car of 20 x 10 in the middle of each.
    """
    trained.spec.write_text(trained.spec.read_text() + "extension { inference_scale: 2 }\n")
    columns = [(x - 10, x + 10) for x in (16, 48, 80, 112)]
    # In evaluation the picture stands 16 pixels down: half of the first and last cars lies above and below.
    rows = [(0, 5), (27, 37), (59, 69), (91, 96)]
    trained.add_picture(
        "a.png",
        "".join(f"car 0 0 0 {x1} {y1} {x2} {y2} 0 0 0 0 0 0 0\n" for y1, y2 in rows for x1, x2 in columns),
    )
    return trained


def test_evaluation_looks_at_the_scaled_input(doubled) -> None:
    assert kpi(doubled)["AP"]["car"] == pytest.approx(1.0)


def test_inference_and_predict_look_at_the_scaled_input(doubled) -> None:
    flags = ["-m", str(doubled.model), "-e", str(doubled.spec), "-i", str(doubled.folder / "images")]

    assert main(["inference", *flags, "-l", str(doubled.folder / "labels_out")]) == 0
    assert main(["predict", *flags, "-r", str(doubled.folder / "predicted")]) == 0

    for written in ("labels_out", "predicted/labels/images"):
        assert len((doubled.folder / written / "a.txt").read_text().splitlines()) == 16


@pytest.mark.slow
def test_the_exported_model_takes_the_scaled_input(doubled) -> None:
    target = doubled.folder / "out.onnx"

    assert main(["export", "-m", str(doubled.model), "-e", str(doubled.spec), "-o", str(target)]) == 0

    session = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
    count, *_ = session.run(None, {"Input": np.zeros((1, 3, 128, 128), dtype=np.float32)})
    assert count.tolist() == [[16]]
