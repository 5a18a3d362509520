"""What a network tells of how it computes; operations are counted here by the formula of a convolution."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from yolo_v4.network.computing import flops, tell_computing
from yolo_v4.network.device import number_format
from yolo_v4.network.yolo import Yolo, build_network
from yolo_v4.spec.experiment import Augmentation, NetworkSpec
from yolo_v4.status import StatusLog


@pytest.fixture
def network(network_spec: Callable[..., NetworkSpec]) -> Callable[..., Yolo]:
    return lambda **changes: build_network(network_spec(**changes), num_classes=3, channels=3)


def by_formula(network: Yolo, shape: Augmentation) -> tuple[int, int]:
    """(forward, backward): 2 k^2 C_in C_out H_out W_out a convolution, as much for each of its gradients."""
    forward = backward = 0

    def count(layer: nn.Conv2d, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        nonlocal forward, backward
        _, channels, rows, columns = output.shape
        height, width = layer.kernel_size
        own = 2 * height * width * layer.in_channels * channels * rows * columns
        forward += own
        backward += own * (layer.weight.requires_grad + inputs[0].requires_grad)

    hooks = [one.register_forward_hook(count) for one in network.modules() if isinstance(one, nn.Conv2d)]
    network.train()(torch.zeros(2, shape.channels, shape.height, shape.width))
    for hook in hooks:
        hook.remove()
    return forward, backward


@pytest.mark.parametrize("frozen", [(), (0, 1)])
def test_operations_are_those_of_the_formula_forward_and_backward(network, augmentation, frozen) -> None:
    made, shape = network(freeze_blocks=frozen), augmentation(width=96, height=64)
    forward, backward = by_formula(made, shape)

    assert flops(made, shape, trains=False) == forward
    assert flops(made, shape, trains=True) == forward + backward
    # Without frozen layers only the first layer, which sees the picture, needs one gradient instead of two.
    assert 1.9 * forward < backward < 2 * forward or frozen


def test_counting_leaves_the_network_as_it_was(network, augmentation) -> None:
    made = network().eval()
    before = {name: value.clone() for name, value in made.state_dict().items()}

    flops(made, augmentation(), trains=True)

    assert not made.training
    assert all(torch.equal(before[name], value) for name, value in made.state_dict().items())
    assert all(parameter.grad is None for parameter in made.parameters())


@pytest.mark.parametrize(
    ("precision", "word"), [(torch.float32, "fp32"), (torch.bfloat16, "bf16"), (torch.float16, "fp16")]
)
def test_formats_on_a_cpu_are_what_was_asked_for(precision, word) -> None:
    assert number_format(torch.device("cpu"), precision) == word


@pytest.mark.parametrize(
    ("capability", "allowed", "word"),
    [((8, 0), True, "tf32"), ((9, 0), True, "tf32"), ((7, 0), True, "fp32"), ((8, 0), False, "fp32")],
)
def test_convolutions_in_fp32_are_tf32_on_newer_gpus(monkeypatch, capability, allowed, word) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", allowed)

    assert number_format(torch.device("cuda", 0), torch.float32) == word
    assert number_format(torch.device("cuda", 0), torch.bfloat16) == "bf16"


def test_the_status_file_tells_how_it_computes(network, augmentation, tmp_path: Path) -> None:
    made, shape = network(), augmentation()

    tell_computing(StatusLog(tmp_path / "status.json"), made, shape, precision=torch.bfloat16)

    (line,) = map(json.loads, (tmp_path / "status.json").read_text().splitlines())
    assert line["computing"] == {"device": "cpu", "flops_per_image": by_formula(made, shape)[0]}
    assert line["numerics"]["number_format"] == "bf16"


def test_where_the_size_of_pictures_changes_in_training_the_work_is_not_told(
    network, augmentation, tmp_path: Path
) -> None:
    shape = augmentation(shape_period=10)

    tell_computing(StatusLog(tmp_path / "status.json"), network(), shape, trains=True)

    (line,) = map(json.loads, (tmp_path / "status.json").read_text().splitlines())
    assert line["computing"]["flops_per_image"] is None
