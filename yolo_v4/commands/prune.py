"""`yolo_v4 prune`: TAO's flags, and a plain word that there is no pruning yet."""

import argparse

from yolo_v4.errors import DetectorError


def run(args: argparse.Namespace) -> None:
    """Refuse.

    Raises:
        DetectorError: always.
    """
    raise DetectorError(
        f"prune is not supported yet, so {args.model} was left as it is",
        remedy="go on with the unpruned model, or prune with NVIDIA's container",
    )
