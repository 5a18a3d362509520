"""The network that training starts from."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from yolo_v4.network.pretrained import starting_network
from yolo_v4.spec.load import load_experiment


def test_the_seed_decides_the_weights(write_spec: Callable[..., Path]) -> None:
    experiment = load_experiment(write_spec())

    first, again = starting_network(experiment)[0], starting_network(experiment)[0]

    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))


def test_every_box_starts_with_an_objectness_of_one_in_a_hundred(write_spec: Callable[..., Path]) -> None:
    network, _ = starting_network(load_experiment(write_spec()))

    for head in (network.conv_big_object, network.conv_mid_object, network.conv_sm_object):
        bias = head.bias.detach().view(3, 7)
        assert bias[:, 4].sigmoid().tolist() == pytest.approx([0.01] * 3)
        assert bias[:, [0, 1, 2, 3, 5, 6]].abs().sum() == 0
