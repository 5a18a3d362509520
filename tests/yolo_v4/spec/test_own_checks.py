"""What NVIDIA's loader takes and no run can use is refused with field and value."""

from collections.abc import Callable
from pathlib import Path

import pytest

from yolo_v4.errors import SpecError
from yolo_v4.spec.load import load_experiment

SCHEDULE = "training_config { learning_rate { soft_start_cosine_annealing_schedule {"


@pytest.mark.parametrize(
    ("added", "found"),
    [
        ("yolov4_config { freeze_blocks: nan }", "yolov4_config.freeze_blocks is nan"),
        ("yolov4_config { freeze_blocks: 1 freeze_blocks: -inf }", "yolov4_config.freeze_blocks is -inf"),
        ("augmentation_config { saturation: inf }", "augmentation_config.saturation is inf"),
        ("nms_config { confidence_threshold: nan }", "nms_config.confidence_threshold is nan"),
        (
            'class_weighting_config { class_weighting { key: "car" value: nan } }',
            'class_weighting_config.class_weighting of "car" is nan',
        ),
        (
            SCHEDULE + " max_learning_rate: inf } } }",
            "training_config.learning_rate.soft_start_cosine_annealing_schedule.max_learning_rate is inf",
        ),
        (
            'training_config { early_stopping { monitor: "loss" min_delta: inf patience: 2 } }',
            "training_config.early_stopping.min_delta is inf",
        ),
    ],
)
def test_no_number_may_be_nan_or_infinite(write_spec: Callable[..., Path], added: str, found: str) -> None:
    spec = _with(write_spec, added)

    with pytest.raises(SpecError) as refusal:
        load_experiment(spec)

    assert refusal.value.message == f"{found}, expected a finite number (in {spec})"
    assert refusal.value.remedy == f"correct {found.split()[0]}"


@pytest.mark.parametrize(
    ("added", "found", "remedy"),
    [
        (
            'class_weighting_config { class_weighting { key: "Cat" value: 2 } }',
            'class_weighting_config weighs "cat", which is no target class',
            "use the target classes of target_class_mapping: bus, car",
        ),
        (
            'class_weighting_config { class_weighting { key: "car" value: -0.5 } }',
            'class_weighting_config weighs "car" with -0.5',
            "use a number above 0: below it, a loss falls where the network gets worse",
        ),
        (
            'class_weighting_config { class_weighting { key: "car" value: 0 }'
            ' class_weighting { key: "bus" value: 0 } }',
            "class_weighting_config weighs every class with 0",
            "use numbers above 0",
        ),
        *(
            (
                f"yolov4_config {{ freeze_blocks: {block} }}",
                f"freeze_blocks names block {block}, which the network does not have",
                "use 0 for the first convolution and 1 to 4 for the stages",
            )
            for block in ("-1", "0.5", "5")
        ),
        (
            "nms_config { top_k: 0 }",
            "top_k in nms_config is 0, under which nothing would be found",
            "set top_k: 200",
        ),
        (
            "nms_config { confidence_threshold: 1 }",
            "confidence_threshold in nms_config is 1, under which nothing would be found",
            "use a score below 1, such as 0.001",
        ),
    ],
)
def test_what_makes_a_run_worthless_is_refused(
    write_spec: Callable[..., Path], added: str, found: str, remedy: str
) -> None:
    spec = _with(write_spec, added)

    with pytest.raises(SpecError) as refusal:
        load_experiment(spec)

    assert (refusal.value.message, refusal.value.remedy) == (f"{found} (in {spec})", remedy)


def test_a_class_that_weighs_nothing_and_a_threshold_below_0_are_taken(
    write_spec: Callable[..., Path],
) -> None:
    """Odd, and yet with a meaning: one class is not learned; every box is kept."""
    spec = _with(
        write_spec,
        'class_weighting_config { class_weighting { key: "car" value: 0 } }\n'
        "nms_config { confidence_threshold: -1 }",
    )

    assert load_experiment(spec).class_weights == (1, 0)


def _with(write_spec: Callable[..., Path], added: str) -> Path:
    """A spec with text behind it: a block given twice is one, in which the last value counts."""
    spec = write_spec()
    spec.write_text(f"{spec.read_text()}\n{added}\n")
    return spec
