"""Many tensors as one."""

import torch

from yolo_v4.data.upload import to_device


def test_tensors_arrive_as_they_were_and_share_one_buffer() -> None:
    tensors = [
        torch.tensor([True, False, True]),
        torch.arange(6, dtype=torch.int64).view(2, 3),
        torch.arange(5, dtype=torch.uint8),
        torch.rand(2, 3, 4).transpose(0, 2),
        torch.tensor(7.5, dtype=torch.float64),
        torch.zeros(0, 4),
        torch.ones(1).as_strided((1, 1), (1, 0)),  # as numpy's x[:, None] of one value
    ]

    there = to_device(tensors, torch.device("cpu"))

    for tensor, found in zip(tensors, there, strict=True):
        assert found.dtype == tensor.dtype
        assert torch.equal(found, tensor)
    assert len({found.untyped_storage().data_ptr() for found in there}) == 1


def test_what_comes_back_is_a_copy() -> None:
    tensor = torch.ones(3)

    (there,) = to_device([tensor], torch.device("cpu"))
    tensor.zero_()

    assert there.tolist() == [1, 1, 1]
