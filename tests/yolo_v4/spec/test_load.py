from pathlib import Path

import pytest

from yolo_v4.errors import SpecError
from yolo_v4.spec.experiment import Augmentation, NetworkSpec, Nms
from yolo_v4.spec.load import load_experiment
from yolo_v4.spec.training_checks import check_training, resumed_epoch

SPEC = """
random_seed: 7
yolov4_config {
  big_anchor_shape: "[(90.0, 60.0), (200.5, 150)]"
  mid_anchor_shape: "[(30, 40)]"
  small_anchor_shape: "[(10, 12)]"
  box_matching_iou: 0.25
  matching_neutral_box_iou: 0.5
  arch: "resnet"
  nlayers: 10
  arch_conv_blocks: 2
  loss_loc_weight: 1
  loss_neg_obj_weights: 2
  loss_class_weights: 3
  freeze_blocks: 0
  freeze_blocks: 2
}
training_config {
  batch_size_per_gpu: 4
  num_epochs: 5
  checkpoint_interval: 2
  learning_rate { soft_start_annealing_schedule {
    min_learning_rate: 0.25 max_learning_rate: 0.5 soft_start: 0.125 annealing: 0.75 } }
  regularizer { type: L2 weight: 0.5 }
  optimizer { sgd { momentum: 0.5 nesterov: true } }
  pretrain_model_path: "start.pt"
}
eval_config { average_precision_mode: INTEGRATE batch_size: 3 matching_iou_threshold: 0.5 }
nms_config { confidence_threshold: 0.25 clustering_iou_threshold: 0.5 top_k: 200 }
augmentation_config {
  saturation: 1.5 exposure: 1.5 output_width: 128 output_height: 96 output_channel: 3 mosaic_min_ratio: 0.25
}
dataset_config {
  data_sources { label_directory_path: "train/labels" image_directory_path: "train/images" }
  validation_data_sources { label_directory_path: "/val/labels" image_directory_path: "/val/images" }
  target_class_mapping { key: "Van" value: "Car" }
  target_class_mapping { key: "bus" value: "bus" }
}
class_weighting_config { class_weighting { key: "car" value: 0.5 } }
"""

NUMBERS = {
    "yolov4_config": """loss_class_weights: 3 label_smoothing: 0.1875 focal_loss_alpha: 0.75
        focal_loss_gamma: 4 big_grid_xy_extend: 0.0625 mid_grid_xy_extend: 0.125 small_grid_xy_extend: 0.25
        freeze_bn: true force_relu: true""",
    "augmentation_config": """mosaic_min_ratio: 0.25 mosaic_prob: 0.625 hue: 0.125 vertical_flip: 0.25
        horizontal_flip: 0.375 jitter: 0.5 exposure: 1.25 randomize_input_shape_period: 6
        image_mean { key: "b" value: 1 } image_mean { key: "g" value: 2 } image_mean { key: "r" value: 3 }""",
}


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.txt"
    path.write_text(SPEC)
    return path


def test_a_spec_becomes_frozen_values(spec: Path) -> None:
    experiment = load_experiment(spec)
    assert experiment.random_seed == 7
    assert experiment.classes == ("bus", "car")
    assert experiment.class_weights == (1.0, 0.5)
    assert experiment.dataset.class_mapping == {"van": "car", "bus": "bus"}
    assert experiment.network.anchors == (((90.0, 60.0), (200.5, 150.0)), ((30.0, 40.0),), ((10.0, 12.0),))
    assert experiment.network.freeze_blocks == (0, 2)
    assert experiment.network.negative_objectness_weight == 2.0
    assert experiment.training.schedule.kind == "annealing"
    assert experiment.training.schedule.annealing == 0.75
    assert experiment.training.optimizer.kind == "sgd"
    assert experiment.training.optimizer.nesterov is True
    assert (experiment.training.regularizer, experiment.training.regularizer_weight) == ("l2", 0.5)
    assert (experiment.training.resume_path, experiment.training.pretrain_path) == (None, Path("start.pt"))
    assert experiment.evaluation.mode == "integrate"
    assert experiment.nms.top_k == 200
    assert experiment.augmentation.mean == (103.939, 116.779, 123.68)
    check_training(experiment)


def test_every_number_goes_where_it_belongs(spec: Path) -> None:
    text = SPEC.replace("loss_class_weights: 3", NUMBERS["yolov4_config"])
    text = text.replace("mosaic_min_ratio: 0.25", NUMBERS["augmentation_config"])
    spec.write_text(text)
    experiment = load_experiment(spec)
    assert experiment.network == NetworkSpec(
        arch="resnet",
        layers=10,
        conv_blocks=2,
        anchors=(((90.0, 60.0), (200.5, 150.0)), ((30.0, 40.0),), ((10.0, 12.0),)),
        grid_xy_extend=(0.0625, 0.125, 0.25),
        box_matching_iou=0.25,
        neutral_box_iou=0.5,
        location_weight=1.0,
        negative_objectness_weight=2.0,
        class_weight=3.0,
        label_smoothing=0.1875,
        focal_alpha=0.75,
        focal_gamma=4.0,
        freeze_blocks=(0, 2),
        freeze_bn=True,
        force_relu=True,
    )
    assert experiment.augmentation == Augmentation(
        width=128,
        height=96,
        channels=3,
        mean=(1.0, 2.0, 3.0),
        hue=0.125,
        saturation=1.5,
        exposure=1.25,
        vertical_flip=0.25,
        horizontal_flip=0.375,
        jitter=0.5,
        shape_period=6,
        mosaic_prob=0.625,
        mosaic_min_ratio=0.25,
    )
    assert experiment.nms == Nms(confidence_threshold=0.25, iou_threshold=0.5, top_k=200)
    training = experiment.training
    assert (training.batch_size, training.epochs, training.checkpoint_interval) == (4, 5, 2)
    assert (training.schedule.min_learning_rate, training.schedule.max_learning_rate) == (0.25, 0.5)
    assert (training.schedule.soft_start, training.optimizer.momentum) == (0.125, 0.5)
    assert (experiment.evaluation.batch_size, experiment.evaluation.matching_iou) == (3, 0.5)


def test_relative_paths_of_data_lead_below_the_current_folder(spec: Path) -> None:
    source = load_experiment(spec).dataset.train[0]
    assert (source.images, source.labels, source.tfrecords) == (
        Path("train/images"),
        Path("train/labels"),
        None,
    )


def test_data_base_path_moves_relative_paths_and_leaves_absolute_ones(
    spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_BASE_PATH", "/base")
    dataset = load_experiment(spec).dataset
    assert dataset.train[0].images == Path("/base/train/images")
    assert dataset.validation[0].images == Path("/val/images")


def test_an_unknown_field_is_refused_with_its_line_and_the_nearest_known_name(spec: Path) -> None:
    spec.write_text(SPEC.replace("  nlayers: 10", "  n_layers: 10"))
    with pytest.raises(
        SpecError, match=rf'^10:3 : .*"YOLOv4Config" has no field named "n_layers" \(in {spec}\)'
    ) as refusal:
        load_experiment(spec)
    assert refusal.value.remedy == f'did you mean "nlayers"? correct line 10 of {spec}'


def test_an_unknown_field_like_no_other_is_refused_with_all_known_names(spec: Path) -> None:
    spec.write_text("gpus: 1\n")
    with pytest.raises(SpecError, match="has no field") as refusal:
        load_experiment(spec)
    assert "training_config, yolov4_config" in refusal.value.remedy


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ('value: "Car"', 'value: ""', 'maps "Van" to "": a class without a name'),
        ('key: "bus"', 'key: "van"', 'maps "van" to two targets'),
        ('"[(30, 40)]"', '"[(30, -40)]"', "expected a list of positive"),
        ('"[(30, 40)]"', '"open(1)"', "expected a list of positive"),
        ('"[(30, 40)]"', '"[(30, 40, 50)]"', "expected a list of positive"),
        ("nlayers: 10", "nlayers: 11", "with nlayers 11, which is not built here"),
        ('key: "car" value: 0.5', 'key: "cat" value: 0.5', 'weighs "cat", which is no target class'),
        ('label_directory_path: "train/labels"', "", "data_sources names no labels"),
        ('image_directory_path: "train/images"', "", "data_sources names no image_directory_path"),
        ("mode: INTEGRATE", "mode: 9", "average_precision_mode is 9"),
        ("type: L2", "type: 9", "regularizer has type 9"),
        ("top_k: 200", "", "top_k in nms_config is 0"),
    ],
)
def test_what_could_not_be_built_is_refused_at_once(
    spec: Path, before: str, after: str, complaint: str
) -> None:
    assert before in SPEC
    spec.write_text(SPEC.replace(before, after))
    with pytest.raises(SpecError) as refusal:
        load_experiment(spec)
    assert complaint in refusal.value.message
    assert str(spec) in refusal.value.message
    assert refusal.value.remedy


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        (
            'pretrain_model_path: "start.pt"',
            'pruned_model_path: "p.pt"',
            "pruned_model_path is not supported",
        ),
        ("num_epochs: 5", "num_epochs: 5 enable_qat: true", "enable_qat: true is not supported"),
        (
            "class_weighting_config {",
            "class_weighting_config { enable_auto: true",
            "enable_auto: true is not supported",
        ),
        ("pretrain_model_path", "resume_model_path", "Cannot parse the checkpoint path"),
    ],
)
def test_what_cannot_train_can_still_be_loaded(spec: Path, before: str, after: str, complaint: str) -> None:
    assert before in SPEC
    spec.write_text(SPEC.replace(before, after))
    experiment = load_experiment(spec)
    with pytest.raises(SpecError, match=complaint):
        check_training(experiment)


def test_the_epoch_of_a_checkpoint_is_in_its_name() -> None:
    assert resumed_epoch(Path("/r/weights/yolov4_resnet18_epoch_080.pt")) == 80
    assert resumed_epoch(Path("yolov4_resnet18_epoch_1000.pt")) == 1000


def test_a_missing_spec_and_a_binary_spec_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"cannot read the spec file .*none\.txt: No such file"):
        load_experiment(tmp_path / "none.txt")
    (tmp_path / "model.pt").write_bytes(b"\x80\x02\xff")
    with pytest.raises(SpecError, match=r"model.pt is not a text file"):
        load_experiment(tmp_path / "model.pt")
