"""`yolo_v4 prune`: TAO's flags, and a plain word that there is no pruning yet."""

import argparse

from yolo_v4.errors import DetectorError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """TAO's flags, so that a script fails for the right reason."""
    parser.add_argument("-m", "--model", required=True, help="model to prune")
    parser.add_argument("-o", "--output_file", required=True, help="where the pruned model would go")
    parser.add_argument("-e", "--experiment_spec_path", required=True, help="experiment spec")
    parser.add_argument("-k", "--key", default="", help="accepted; models here are not encrypted")
    parser.add_argument("-n", "--normalizer", choices=("max", "L2"), default="max")
    parser.add_argument(
        "-eq",
        "--equalization_criterion",
        choices=("union", "intersection", "arithmetic_mean", "geometric_mean"),
        default="union",
    )
    parser.add_argument("-pg", "--pruning_granularity", type=int, default=8)
    parser.add_argument("-pth", "--pruning_threshold", type=float, default=0.1)
    parser.add_argument("-nf", "--min_num_filters", type=int, default=16)
    parser.add_argument("-el", "--excluded_layers", nargs="*", default=[])
    parser.add_argument("--results_dir", help="folder for status.json")
    parser.add_argument("-v", "--verbose", action="store_true")


def run(args: argparse.Namespace) -> None:
    """Refuse.

    Raises:
        DetectorError: always.
    """
    raise DetectorError(
        f"prune is not supported yet, so {args.model} was left as it is",
        remedy="go on with the unpruned model, or prune with NVIDIA's container",
    )
