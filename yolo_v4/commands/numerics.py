"""`yolo_v4 numerics`: what decides the last digits of a result on this machine; TAO has no such command."""

import argparse

from yolo_v4.network import kept_choices
from yolo_v4.network.device import choose_device, formats, numerics_class, processor
from yolo_v4.status import StatusLog, reported, status_path


def run(args: argparse.Namespace) -> None:
    """Write the numerics class into status.json, and beside it the number formats that training can have.

    `number_formats` has, for each format that can be asked for, the class of convolutions in it. What
    `--numbers auto` has chosen for networks on this machine is printed; nothing is measured.
    Raises DetectorError: there is no such GPU.
    """
    log = StatusLog(status_path(args.results_dir))
    with reported(log, started="Starting to look.", failed="Looking was interrupted."):
        device = choose_device(args.gpu_index)
        numerics = numerics_class(device)
        there = {name: numerics_class(device, dtype) for name, dtype in formats(device).items()}
        told = [*numerics.items(), ("formats", " ".join(there))]
        print(", ".join(f"{name} {value}" for name, value in told), flush=True)
        for key, choice in kept_choices.every(processor(device)):
            of = ", ".join(f"{key.get(name)}" for name in ("network", "size", "torch"))
            times = ", ".join(f"{name} {seconds:.4f} s" for name, seconds in choice.seconds.items())
            print(f"auto is {choice.chosen} for {of}: {times}, measured {choice.measured_utc}", flush=True)
        data = {"numerics": numerics, "number_formats": there}
        log.write("SUCCESS", "Looking finished successfully.", data=data)
