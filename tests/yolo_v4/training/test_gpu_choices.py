"""What is asked of cuDNN."""

from collections.abc import Callable

import pytest
import torch

from yolo_v4.spec.experiment import Augmentation
from yolo_v4.training.gpu_choices import choose_convolutions


@pytest.mark.parametrize(("period", "searches"), [(0, True), (10, False)])
def test_algorithms_are_searched_for_where_every_batch_has_one_shape(
    augmentation: Callable[..., Augmentation], monkeypatch: pytest.MonkeyPatch, period: int, searches: bool
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", not searches)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)

    choose_convolutions(augmentation(shape_period=period))

    assert torch.backends.cudnn.benchmark is searches
    assert torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32
