"""The flags of every sub-command: TAO's, of both generations. No torch in here, so that help comes at once."""

import argparse
from collections.abc import Sequence
from typing import Any


def dataset_convert(parser: argparse.ArgumentParser) -> None:
    """TAO's flags."""
    parser.add_argument(
        "-d",
        "--dataset_export_spec",
        "--dataset_spec",
        required=True,
        metavar="SPEC",
        help="dataset_convert spec (protobuf text with a kitti_config)",
    )
    parser.add_argument(
        "-o",
        "--output_filename",
        required=True,
        metavar="PREFIX",
        help="folder and first part of the name of the records",
    )
    parser.add_argument(
        "-f", "--validation_fold", type=int, help="accepted without effect (TAO: for sample_modifier_config only)"
    )
    parser.add_argument("-r", "--results_dir", help="folder for status.json")
    parser.add_argument("-v", "--verbose", action="store_true", help="say which boxes are skipped")


def kmeans(parser: argparse.ArgumentParser) -> None:
    """TAO's flags."""
    parser.add_argument("-l", "--label_folders", nargs="+", required=True, help="folders of KITTI label files")
    parser.add_argument("-i", "--image_folders", nargs="+", required=True, help="folders of images, in the same order")
    parser.add_argument("-x", "--size_x", type=int, required=True, help="width of the network input, in pixels")
    parser.add_argument("-y", "--size_y", type=int, required=True, help="height of the network input, in pixels")
    parser.add_argument("-n", "--num_clusters", type=int, default=9, help="number of anchors (default 9)")
    parser.add_argument("--max_steps", type=int, default=10000, help="at most so many iterations (default 10000)")
    parser.add_argument("--min_x", type=int, default=0, help="leave out boxes not wider than this, in input pixels")
    parser.add_argument("--min_y", type=int, default=0, help="leave out boxes not higher than this, in input pixels")
    parser.add_argument("--results_dir", help="folder for status.json")


def train(parser: argparse.ArgumentParser) -> None:
    """TAO's flags."""
    parser.add_argument("-e", "--experiment_spec_file", required=True, help="experiment spec")
    parser.add_argument("-r", "--results_dir", required=True, help="folder for weights, CSV log and status.json")
    parser.add_argument("-k", "--key", default="", help="accepted and not used: checkpoints are not encrypted")


def evaluate(parser: argparse.ArgumentParser) -> None:
    """TAO's flags."""
    parser.add_argument("-m", "--model_path", required=True, help="a weights/yolov4_*.pt file of train")
    parser.add_argument("-e", "--experiment_spec", required=True, help="experiment spec the model was trained with")
    parser.add_argument("-k", "--key", default="", help="accepted and not used: checkpoints are not encrypted")
    parser.add_argument("-r", "--results_dir", help="folder for status.json")
    _ignore(parser, ("-i", "--image_dir"), ("-l", "--label_dir"), ("-b", "--batch_size"))


def inference(parser: argparse.ArgumentParser) -> None:
    """TAO's flags of both generations: one results folder, or a folder for each kind of output."""
    parser.add_argument("-m", "--model_path", required=True, help="a weights/yolov4_*.pt file of train")
    parser.add_argument("-i", "--image_dir", required=True, help="a picture, or a folder of .jpg, .jpeg and .png files")
    parser.add_argument("-e", "--experiment_spec", required=True, help="experiment spec the model was trained with")
    parser.add_argument("-k", "--key", default="", help="accepted and not used: checkpoints are not encrypted")
    parser.add_argument("-t", "--threshold", type=float, default=0.3, help="lowest score, 0 to 1 (default 0.3)")
    parser.add_argument("-r", "--results_dir", help="folder for images_annotated/, labels/ and status.json")
    parser.add_argument("-o", "--out_image_path", help="folder for annotated pictures")
    parser.add_argument("-l", "--out_label_path", help="folder for KITTI label files")
    _ignore(parser, ("-b", "--batch_size"))


def export(parser: argparse.ArgumentParser) -> None:
    """TAO's flags; those for TensorRT engines and calibration are accepted, and said to have no effect."""
    parser.add_argument("-m", "--model", required=True, help="a weights/yolov4_*.pt file of train")
    parser.add_argument("-e", "--experiment_spec", required=True, help="experiment spec the model was trained with")
    parser.add_argument("-k", "--key", default="", help="accepted and not used: models are not encrypted")
    parser.add_argument("-o", "--output_file", help="where to write (default: beside the model, ending in .onnx)")
    parser.add_argument("--data_type", choices=("fp32", "fp16", "int8"), default="fp32", help="fp32 (default) or fp16")
    parser.add_argument("--gen_ds_config", action="store_true", help="also write labels.txt and nvinfer_config.txt")
    parser.add_argument("--results_dir", help="folder for status.json")
    parser.add_argument("--engine_file", help=argparse.SUPPRESS)
    _ignore(parser, *((f"--{name}",) for name in ("batch_size", "batches", "max_batch_size", "min_batch_size")))
    _ignore(parser, *((f"--{name}",) for name in ("opt_batch_size", "max_workspace_size", "static_batch_size")))
    _ignore(parser, *((f"--{name}",) for name in ("cal_data_file", "cal_image_dir", "cal_cache_file")))
    _ignore(parser, ("--cal_json_file",), ("--target_opset",), ("--onnx_route",))
    _ignore(parser, ("--force_ptq",), ("-v", "--verbose"), action="store_true")
    _ignore(parser, ("-s", "--strict_type_constraints"), action="store_true")


def prune(parser: argparse.ArgumentParser) -> None:
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


def _ignore(parser: argparse.ArgumentParser, *flags: Sequence[str], **options: Any) -> None:
    """Accept flags of TAO's that do nothing here; the help is silent on them, `say_ignored` is not."""
    names = parser.get_default("ignored") or {}
    for flag in flags:
        action = parser.add_argument(*flag, help=argparse.SUPPRESS, **{"default": None, **options})
        names = {**names, action.dest: flag[-1]}
    parser.set_defaults(ignored=names)
