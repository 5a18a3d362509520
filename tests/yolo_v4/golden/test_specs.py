"""Every spec that NVIDIA's loader was asked about: the same verdict, values and words."""

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from yolo_v4.errors import SpecError
from yolo_v4.spec.experiment import Training
from yolo_v4.spec.load import load_experiment, parse_experiment
from yolo_v4.spec.training_checks import check_training, resumed_epoch

CALLBACKS = {
    "cosine": "SoftStartCosineAnnealingScheduler",
    "annealing": "SoftStartAnnealingLearningRateScheduler",
}

# TAO's loader takes some, and its commands fail on them a moment later, or find nothing; here they are
# refused at once.
REFUSED_SOONER = (
    "not built here",
    "expected a list of positive",
    "a class without a name",
    "to two targets",
    "which is no target class",
    "names no labels",
    "names no image_directory_path",
    "mode is",
    "has type",
    "under which nothing would be found",
    "expected a finite number",
    "which the network does not have",
)
# What this engine does not do, see docs/seam.md.
REFUSED_HERE_ONLY = ("is not supported", "is not written here", "is not offered here")


@pytest.fixture
def specs(topic) -> list[dict[str, Any]]:
    return list(json.loads(topic("specs.json").read_text())["specs"])


def test_every_spec_gets_the_verdict_of_nvidias_loader_and_its_words(
    specs: list[dict[str, Any]], compared
) -> None:
    compared("specs.json", len(specs))
    for spec in specs:
        error = None
        try:
            parse_experiment(spec["text"], where="spec.txt")
        except SpecError as refusal:
            error = refusal.message
        if spec["verdict"] == "accept":
            assert error is None, spec["name"]
        elif spec["error_type"] == "ParseError":
            assert error is not None, spec["name"]
            assert error.split(" ")[0] == spec["error"].split(" ")[0], spec["name"]  # line:column
        else:
            assert error == f"{spec['error']} (in spec.txt)", spec["name"]


def test_every_accepted_spec_says_the_same_values(specs: list[dict[str, Any]]) -> None:
    valid = specs[0]["parsed"]
    for spec in specs:
        if spec["verdict"] == "accept":
            expected = _merged(valid, spec.get("parsed_difference_to_valid", {}))
            found = _values(parse_experiment(spec["text"], where="spec.txt"))
            assert _equal(expected, found), spec["name"]


def test_training_is_refused_for_the_same_specs_with_the_same_words(
    specs: list[dict[str, Any]], tmp_path: Path
) -> None:
    for spec in specs:
        if spec["verdict"] != "accept":
            continue
        builders = (
            spec["train_builders"] if spec["train_builders"] != "as valid" else specs[0]["train_builders"]
        )
        expected = [builder["error"] for builder in builders.values() if builder["verdict"] != "accept"]
        loaded, error = _start(spec["text"], tmp_path / "spec.txt")
        if not loaded:
            assert any(words in error for words in REFUSED_SOONER), (spec["name"], error)
        elif error and not expected:
            assert any(words in error for words in REFUSED_HERE_ONLY), (spec["name"], error)
        else:
            assert any(words in error for words in expected) or error == "" == "".join(expected), spec["name"]


def test_what_training_is_built_from_is_nvidias(specs: list[dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "spec.txt"
    for spec in specs:
        path.write_bytes(spec["text"].encode())
        if spec["verdict"] != "accept" or not _start(spec["text"], path)[0]:
            continue
        experiment = load_experiment(path)
        records = experiment.dataset.validation[0].tfrecords if experiment.dataset.validation else "fold"
        labels = {"tfrecords": True, "keras_sequence": False}[spec["validation_labels_format"]]
        assert (records is not None) == labels, spec["name"]
        builders = (
            spec["train_builders"] if spec["train_builders"] != "as valid" else specs[0]["train_builders"]
        )
        for part, builder in builders.items():
            if builder["verdict"] == "accept":
                assert _built(experiment.training, part) == builder["value"], (spec["name"], part)


def _built(training: Training, part: str) -> Any:
    """What NVIDIA's builder for this part would have made of ours."""
    if part == "optimizer":
        return {"adam": "Adam", "sgd": "SGD"}[training.optimizer.kind]
    if part == "learning_rate":
        return CALLBACKS[training.schedule.kind]
    if part == "regularizer":
        weights = {
            kind: training.regularizer_weight * (kind == training.regularizer) for kind in ("l1", "l2")
        }
        return weights if training.regularizer != "none" else None
    # Path, whether it has the whole model, whether to begin anew, epoch.
    if training.resume_path is not None:
        return [str(training.resume_path), True, False, resumed_epoch(training.resume_path)]
    if training.pruned_path is not None:
        return [str(training.pruned_path), True, True, 0]
    return [str(training.pretrain_path) if training.pretrain_path else None, False, True, 0]


def _start(text: str, path: Path) -> tuple[bool, str]:
    """Could the spec be loaded, and with which words was it refused, if it was."""
    path.write_bytes(text.encode())
    loaded = False
    try:
        experiment = load_experiment(path)
        loaded = True
        check_training(experiment)
    except SpecError as refusal:
        return loaded, refusal.message
    return loaded, ""


def _values(message: Any) -> Any:
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def _merged(base: Any, difference: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(difference, dict):
        return difference
    merged = {**base, **{key: _merged(base.get(key), value) for key, value in difference.items()}}
    return {key: value for key, value in merged.items() if value != "<absent>"}


def _equal(expected: Any, found: Any) -> bool:
    """Equal, where numbers went through float32 and texts that are not there count as nothing."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(
            _equal(expected.get(k), found.get(k)) for k in {*expected, *found}
        )
    if isinstance(expected, list):
        return len(expected) == len(found) and all(map(_equal, expected, found))
    if isinstance(expected, float) and isinstance(found, (float, int)):
        return found == pytest.approx(expected, rel=1e-6)
    return bool(expected == found) or (not expected and not found)
