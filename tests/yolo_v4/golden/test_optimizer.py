"""Optimiser steps against golden vectors made with Keras 2.2.4."""

import json

import pytest
import torch

from yolo_v4.spec.experiment import OptimizerSpec
from yolo_v4.training.optimizer import build_optimizer

SPECS = {
    "adam": OptimizerSpec(kind="adam", epsilon=1e-7, beta1=0.9, beta2=0.999),
    "adam_amsgrad": OptimizerSpec(kind="adam", epsilon=1e-7, beta1=0.9, beta2=0.999, amsgrad=True),
    "adam_big_epsilon": OptimizerSpec(kind="adam", epsilon=1e-2, beta1=0.9, beta2=0.999),
    "sgd_momentum": OptimizerSpec(kind="sgd", momentum=0.9),
    "sgd_nesterov": OptimizerSpec(kind="sgd", momentum=0.9, nesterov=True),
}


def test_every_step_leaves_keras_weights(topic, compared) -> None:
    cases = json.loads(topic("train.json").read_text())["optimisers"]
    for name, case in cases.items():
        weights = torch.tensor(case["start"], requires_grad=True)
        optimizer = build_optimizer([weights], SPECS[name])
        optimizer.param_groups[0]["lr"] = 0.01

        for gradient, expected in zip(case["gradients"], case["weights_after_each_step"], strict=True):
            weights.grad = torch.tensor(gradient)
            optimizer.step()
            assert weights.tolist() == pytest.approx(expected, abs=1e-6), name
    compared("train.json", len(cases))
