"""Looking no further than at scores from a threshold on."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from yolo_v4.prediction.detector import looking_from
from yolo_v4.scoring.nms import suppress
from yolo_v4.spec.load import load_experiment


@pytest.mark.parametrize("threshold", [0.3, 0.7])
def test_what_is_found_from_a_threshold_on_is_the_same(
    write_spec: Callable[..., Path], threshold: float
) -> None:
    experiment = load_experiment(write_spec())
    generator = torch.Generator().manual_seed(2)
    corners = torch.rand(100, 4, generator=generator)
    scores = torch.rand(100, 2, generator=generator) ** 12
    scores[7, 1] = threshold  # which is one of them

    everything = suppress(corners, scores, experiment.nms)
    found = suppress(corners, scores, looking_from(threshold, experiment).nms)

    wanted = everything.scores >= threshold
    assert 0 < int(wanted.sum()) < len(wanted)
    for ours, theirs in zip(found, everything, strict=True):
        assert torch.equal(ours, theirs[wanted])


def test_a_threshold_below_that_of_the_spec_changes_nothing(write_spec: Callable[..., Path]) -> None:
    experiment = load_experiment(write_spec())

    assert looking_from(0.001, experiment) == experiment
