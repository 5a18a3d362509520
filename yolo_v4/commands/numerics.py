"""`yolo_v4 numerics`: what decides the last digits of a result on this machine; TAO has no such command."""

import argparse

from yolo_v4.network.device import choose_device, mixed_precision, number_format, numerics_class
from yolo_v4.status import StatusLog, reported, status_path


def run(args: argparse.Namespace) -> None:
    """Write the numerics class into status.json, and the number format under `--use_amp` beside it.

    Raises DetectorError: there is no such GPU.
    """
    log = StatusLog(status_path(args.results_dir))
    with reported(log, started="Starting to look.", failed="Looking was interrupted."):
        device = choose_device(args.gpu_index)
        numerics = numerics_class(device)
        mixed = number_format(device, mixed_precision(device))
        told = [*numerics.items(), ("number_format_mixed", mixed)]
        print(", ".join(f"{name} {value}" for name, value in told), flush=True)
        data = {"numerics": numerics, "number_format_mixed": mixed}
        log.write("SUCCESS", "Looking finished successfully.", data=data)
