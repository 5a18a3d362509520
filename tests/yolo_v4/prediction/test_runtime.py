"""Which program computes, by one rule; and that it changes nothing of what is found."""

import dataclasses
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

from yolo_v4.data.by_picture import by_picture
from yolo_v4.errors import DetectorError
from yolo_v4.network.padding import pad_as_tensorflow
from yolo_v4.network.yolo import build_network
from yolo_v4.prediction import runtime
from yolo_v4.prediction.runtime import LEAST_PICTURES, by_network, by_session, choose_runtime
from yolo_v4.spec.experiment import Experiment
from yolo_v4.spec.load import load_experiment

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes a package look as if it were not installed."""
    find = runtime.importlib.util.find_spec

    def hide(name: str) -> None:
        monkeypatch.setattr(
            runtime.importlib.util, "find_spec", lambda asked: None if asked == name else find(asked)
        )

    return hide


def test_one_rule_chooses_by_device_and_number_of_pictures() -> None:
    assert choose_runtime(CPU, pictures=LEAST_PICTURES - 1) == "PyTorch"
    assert choose_runtime(CPU, pictures=LEAST_PICTURES) == "onnxruntime"
    assert choose_runtime(GPU, pictures=LEAST_PICTURES) == "PyTorch"


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_where_a_package_is_missing_pytorch_computes_and_the_other_is_refused(without, missing: str) -> None:
    without(missing)

    assert choose_runtime(CPU, pictures=LEAST_PICTURES) == "PyTorch"
    with pytest.raises(DetectorError, match=f"and {missing} cannot be imported") as caught:
        choose_runtime(CPU, pictures=1, asked_for="onnxruntime")
    assert caught.value.remedy == f"pip install {missing}, or leave --runtime out"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "(AttributeError: module 'onnxruntime' has no attribute 'InferenceSession')"),
        ("raise AttributeError('made for\\nanother numpy')", "(AttributeError: made for)"),
        ("raise ImportError('libfoo.so.1: cannot open shared object file')", "(ImportError: libfoo.so.1: "),
    ],
)
def test_where_onnxruntime_does_not_work_pytorch_computes_and_a_note_says_why(
    content: str,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "onnxruntime").mkdir()
    (tmp_path / "onnxruntime" / "__init__.py").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "onnxruntime"]:
        monkeypatch.delitem(sys.modules, name)

    assert choose_runtime(CPU, pictures=LEAST_PICTURES) == "PyTorch"

    said = capsys.readouterr().err
    assert said.startswith(f"note: onnxruntime is installed and cannot be used {reason}")
    assert said.endswith(", so PyTorch computes\n")
    with pytest.raises(DetectorError, match="and onnxruntime is installed and cannot be used") as caught:
        choose_runtime(CPU, pictures=1, asked_for="onnxruntime")
    assert caught.value.remedy == "pip install --force-reinstall onnx onnxruntime, or leave --runtime out"


def test_what_is_asked_for_is_taken() -> None:
    assert choose_runtime(CPU, pictures=10**6, asked_for="pytorch") == "PyTorch"
    assert choose_runtime(GPU, pictures=1, asked_for="onnxruntime") == "onnxruntime"


@pytest.fixture
def experiment(write_spec: Callable[..., Path]) -> Callable[..., Experiment]:
    """Makes an experiment of 64 x 64 that keeps every box that no better one removes."""

    def make(**blocks: str) -> Experiment:
        made = load_experiment(write_spec(**blocks))
        return dataclasses.replace(made, nms=dataclasses.replace(made.nms, top_k=1000))

    return make


@pytest.mark.parametrize(
    ("blocks", "release", "padding"),
    [
        ({}, "3.21", "symmetric"),
        pytest.param(
            {"network": "nlayers: 18 arch_conv_blocks: 2"}, "5.0", "symmetric", marks=pytest.mark.slow
        ),
        ({"augmentation": "output_channel: 1 output_width: 96"}, "3.21", "tensorflow"),
    ],
)
def test_both_find_the_same_with_every_kind_of_network(
    experiment: Callable[..., Experiment], blocks: dict[str, str], release: str, padding: str
) -> None:
    made = experiment(**blocks)
    spec = made.augmentation
    torch.manual_seed(5)
    network = build_network(
        made.network, num_classes=len(made.classes), channels=spec.channels, release=release
    ).eval()
    network = pad_as_tensorflow(network) if padding == "tensorflow" else network
    pixels = torch.rand(3, spec.channels, spec.height, spec.width) * 255 - 110

    expected = by_network(network, made, "PyTorch")(pixels)
    find = by_network(network, made, "onnxruntime")
    found = find(pixels)

    for ours, theirs in zip(found, expected, strict=True):
        assert len(ours.scores) == len(theirs.scores) > 20
        for one, other in zip(_sorted(ours), _sorted(theirs), strict=True):
            assert one == pytest.approx(other, abs=1e-4)
    # Alone or among others, a picture has the same detections to the last digit.
    for number, together in enumerate(found):
        (alone,) = find(pixels[number : number + 1])
        assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))


def _sorted(found: Any) -> list[list[float]]:
    rows = torch.cat((found.classes[:, None], found.boxes, found.scores[:, None]), dim=1)
    return sorted(rows.tolist(), key=lambda row: [round(value, 3) for value in row])


def test_memory_that_runs_out_in_onnxruntime_is_told_with_what_to_do() -> None:
    class Session:
        """One whose memory runs out, in the words of onnxruntime 1.23.2 under a limit of address space."""

        def run(self, *_: object) -> None:
            raise RuntimeException(
                "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running "
                "Conv node. Failed to allocate memory for requested buffer of size 576716800"
            )

    with pytest.raises(DetectorError, match=r"memory ran out with \d+ threads") as caught:
        by_session(Session())(torch.zeros(1, 3, 64, 64))
    assert caught.value.remedy.startswith("OMP_NUM_THREADS=1")


def test_pictures_are_worked_on_side_by_side_after_the_first_batch_and_come_in_order() -> None:
    both, started = threading.Barrier(2, timeout=30), []

    def work(number: int) -> int:
        started.append(number)
        if number >= 2:
            both.wait()  # for the other one: alone it would break
        return 10 * number

    batches = [[0, 1], [2, 3], [4, 5]]
    results = by_picture(work, batches, workers=2)

    assert next(results) == [0, 10]
    assert sorted(started) == [0, 1]
    assert [*results] == [[20, 30], [40, 50]]


def test_what_goes_wrong_with_a_picture_is_raised_at_its_batch() -> None:
    def work(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        return number

    results = by_picture(work, [[0], [1], [2, 3]], workers=2)

    assert [next(results), next(results)] == [[0], [1]]
    with pytest.raises(ValueError, match="three"):
        next(results)
