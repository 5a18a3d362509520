"""`yolo_v4 matmul_rate`: how fast this machine multiplies matrices; TAO has no such command."""

import argparse
import time

import torch

from yolo_v4.network.device import choose_device
from yolo_v4.status import StatusLog, reported, status_path

TYPES = {
    "fp32": torch.float32,
    "tf32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
PRODUCTS = 10
LONG_ENOUGH_S = 0.02  # for one product; smaller matrices leave cores of the device idle
LARGEST = 16384  # rows: three such matrices in fp32 are 3 GiB


def run(args: argparse.Namespace) -> None:
    """Multiply square matrices and write the rates into status.json.

    Raises DetectorError: there is no such GPU.
    """
    log = StatusLog(status_path(args.results_dir))
    with reported(log, started="Starting matrix products.", failed="Matrix products were interrupted."):
        size, rates = matmul_rates(choose_device(args.gpu_index), args.format)
        print(
            f"{size} x {size} in {args.format}: best of {PRODUCTS} {max(rates) / 1e9:.1f} GFLOP/s", flush=True
        )
        kpi = {
            "flops_per_s": max(rates),
            "number_format": args.format,
            "size": size,
            "all_flops_per_s": rates,
        }
        log.write("SUCCESS", "Matrix products finished successfully.", kpi=kpi)


@torch.inference_mode()
def matmul_rates(device: torch.device, number_format: str) -> tuple[int, list[float]]:
    """Rows of the square matrices, and FLOP/s of each of `PRODUCTS` products; a multiply-add is 2.

    The size is doubled until a product takes `LONG_ENOUGH_S`.
    """
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = number_format == "tf32"
    try:
        size = 512
        while True:
            left, right = (torch.rand(size, size, device=device).to(TYPES[number_format]) for _ in range(2))
            # The first one prepares much, and one that others disturbed says nothing of the size.
            if min(_seconds(left, right) for _ in range(3)) >= LONG_ENOUGH_S or size == LARGEST:
                return size, [2 * size**3 / _seconds(left, right) for _ in range(PRODUCTS)]
            size *= 2
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def _seconds(left: torch.Tensor, right: torch.Tensor) -> float:
    """The time of one product, until the device has finished it."""
    started_s = time.perf_counter()
    torch.mm(left, right)
    if left.is_cuda:
        torch.cuda.synchronize(left.device)
    return time.perf_counter() - started_s
