"""Training beyond NVIDIA's program: decay, and every field goes on to the same bytes."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from yolo_v4.cli import main
from yolo_v4.network.checkpoint import load_checkpoint
from yolo_v4.spec.experiment import OptimizerSpec
from yolo_v4.training.optimizer import WeightDecay, build_optimizer

ADAM = OptimizerSpec(kind="adam", epsilon=1e-7, beta1=0.9, beta2=0.999)


def test_with_adam_the_decay_is_adamw() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))
    peer = copy.deepcopy(network)
    # Steps of Keras' Adam are not those of PyTorch's; it is the decay that is compared.
    ours = build_optimizer(network.parameters(), ADAM)
    plain = build_optimizer(peer.parameters(), ADAM)
    decay = WeightDecay(network, 0.1)
    before = {name: value.clone() for name, value in network.named_parameters()}
    for optimizer, model in ((ours, network), (plain, peer)):
        optimizer.param_groups[0]["lr"] = 0.01
        model(torch.ones(2, 3, 5, 5)).square().sum().backward()

    decay.apply(0.01)
    ours.step()
    plain.step()

    for name, value in network.named_parameters():
        expected = dict(peer.named_parameters())[name]
        if name in ("0.weight", "2.weight"):
            expected = expected - 0.01 * 0.1 * before[name]
        torch.testing.assert_close(value, expected, rtol=0, atol=1e-7)


def test_frozen_kernels_do_not_decay() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1))
    network[0].weight.requires_grad_(False)
    before = [layer.weight.detach().clone() for layer in network]

    WeightDecay(network, 0.5).apply(0.1)

    assert network[0].weight.item() == before[0].item()
    assert network[1].weight.item() == pytest.approx(0.95 * before[1].item())


VARIANTS = {
    "mosaic": """extension {
      mosaic_crop { min_scale: 0.7 max_scale: 1.4 } mosaic_until: 0.5 min_visible: 0.3 }""",
    "decay": """training_config { optimizer { sgd { momentum: 0.9 nesterov: true } } }
      extension { weight_decay: 0.05 }""",
    "cameras": "extension { cameras { pattern: '(frame_[0-3])' evenness: 1 } }",
    "sizes": "augmentation_config { randomize_input_shape_period: 1 }",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_each_trains_and_goes_on_to_the_same_bytes(
    name: str, write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    torch.set_num_threads(1)

    def train(results: str, more: str = "") -> Path:
        spec = write_spec(f"{results}.txt", training="checkpoint_interval: 1")
        spec.write_text(f"{spec.read_text()}\n{VARIANTS[name]}\n{more}\n")
        assert main(["train", "-e", str(spec), "-r", str(tmp_path / results)]) == 0
        return tmp_path / results / "weights" / "yolov4_resnet10_epoch_003.pt"

    whole = train("whole")
    first = whole.with_name("yolov4_resnet10_epoch_001.pt")
    resumed = train("resumed", f'training_config {{ resume_model_path: "{first}" }}')
    usual_spec = write_spec("usual.txt", training="checkpoint_interval: 1")
    assert main(["train", "-e", str(usual_spec), "-r", str(tmp_path / "usual")]) == 0
    usual = tmp_path / "usual" / "weights" / whole.name

    assert resumed.read_bytes() == whole.read_bytes()
    # It does something: without it, there is another network at the end.
    weights, others = (
        (kept.average or kept.weights)["conv_sm_object.weight"]
        for kept in map(load_checkpoint, (whole, usual))
    )
    assert not torch.equal(weights, others)
