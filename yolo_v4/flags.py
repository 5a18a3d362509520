"""The flags of each sub-command: those of both generations of TAO, and a few additional ones.

They import nothing that takes long to import, so that help is quick.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from yolo_v4.spec.experiment import KERAS_PADDINGS, RELEASES

Parser = argparse.ArgumentParser
NUMBERS = ("auto", "fp32", "bf16", "fp16")


def dataset_convert(parser: Parser) -> None:
    """Flags of the conversion of KITTI labels into TFRecords."""
    names = ("-d", "--dataset_export_spec", "--dataset_spec")
    parser.add_argument(*names, required=True, metavar="SPEC", help="protobuf text with a kitti_config")
    parser.add_argument(
        "-o", "--output_filename", required=True, metavar="PREFIX", help="folder and prefix of files"
    )
    parser.add_argument(
        "-f", "--validation_fold", type=int, help="no effect (TAO: for sample_modifier_config only)"
    )
    parser.add_argument("-r", "--results_dir", help="folder for status.json")
    parser.add_argument("-v", "--verbose", action="store_true", help="say which boxes are skipped")


def kmeans(parser: Parser) -> None:
    """Flags of the search for anchors."""
    parser.add_argument(
        "-l", "--label_folders", nargs="+", required=True, help="folders of KITTI label files"
    )
    parser.add_argument(
        "-i", "--image_folders", nargs="+", required=True, help="folders of images, in the same order"
    )
    parser.add_argument(
        "-x", "--size_x", type=int, required=True, help="width of the network input, in pixels"
    )
    parser.add_argument(
        "-y", "--size_y", type=int, required=True, help="height of the network input, in pixels"
    )
    parser.add_argument("-n", "--num_clusters", type=int, default=9, help="number of anchors (default 9)")
    parser.add_argument(
        "--max_steps", type=int, default=10000, help="at most so many iterations (default 10000)"
    )
    parser.add_argument(
        "--min_x", type=int, default=0, help="leave out boxes not wider than this, in input pixels"
    )
    parser.add_argument(
        "--min_y", type=int, default=0, help="leave out boxes not higher than this, in input pixels"
    )
    parser.add_argument("--results_dir", help="folder for status.json")


def train(parser: Parser) -> None:
    """Flags of a training run."""
    parser.add_argument("-e", "--experiment_spec_file", required=True, help="experiment spec")
    parser.add_argument(
        "-r", "--results_dir", required=True, help="folder for weights, CSV log and status.json"
    )
    _key(parser)
    text = "format of convolutions; auto: the faster one, measured once (not in TAO; default fp32)"
    parser.add_argument("--numbers", choices=NUMBERS, help=text)
    text = "network of TAO 3.21 (SPP, top-down path; default) or 5.0 (SPP, bottom-up path too)"
    parser.add_argument("--network_release", choices=RELEASES, default=RELEASES[0], help=text)


def evaluate(parser: Parser) -> None:
    """Flags of the evaluation of a model."""
    _model(parser, "--model_path")
    _runtime(parser)
    parser.add_argument("-r", "--results_dir", help="folder for status.json and detections.jsonl")
    _ignored(parser, ("-i", "--image_dir"), ("-l", "--label_dir"), ("-b", "--batch_size"))


def inference(parser: Parser) -> None:
    """Flags of inference: one results folder, or a folder for each kind of output."""
    _model(parser, "--model_path")
    _runtime(parser)
    parser.add_argument(
        "-i", "--image_dir", required=True, help="a picture, or a folder of .jpg, .jpeg and .png files"
    )
    parser.add_argument(
        "-t", "--threshold", type=float, default=0.3, help="lowest score, 0 to 1 (default 0.3)"
    )
    parser.add_argument("-r", "--results_dir", help="folder for images_annotated/, labels/ and status.json")
    parser.add_argument("-o", "--out_image_path", help="folder for annotated pictures")
    parser.add_argument("-l", "--out_label_path", help="folder for KITTI label files")
    parser.epilog = (
        "Pictures are placed as TAO's inference places them: at the top left on black, scaled with Lanczos. "
        "evaluate and the exported ONNX centre them on their mean colour, scaled bilinearly, so that scores "
        "and boxes can differ where a picture has not the network's size."
    )
    _ignored(parser, ("-b", "--batch_size"))


def predict(parser: Parser) -> None:
    """Flags of looking at pictures and videos with a model; TAO has no such sub-command."""
    text = "a .pt or .hdf5 model, or an .onnx that `export` wrote"
    parser.add_argument("-m", "--model_path", required=True, help=text)
    text = "experiment spec the model was trained with; an .onnx needs none"
    parser.add_argument("-e", "--experiment_spec", help=text)
    text = "pictures, folders with their sub-folders, and videos"
    parser.add_argument("-i", "--inputs", nargs="+", required=True, metavar="PATH", help=text)
    parser.add_argument("-r", "--results_dir", required=True, help="folder of its own for everything written")
    text = "lowest score, 0 to 1 (default 0.3)"
    parser.add_argument("-t", "--threshold", type=float, default=0.3, help=text)
    text = "of videos, look at every so many frames (default 5)"
    parser.add_argument("--every", type=int, default=5, metavar="N", help=text)
    text = "end when more than N pictures or videos cannot be read (default: never; all are listed)"
    parser.add_argument("--skip_damaged", type=int, metavar="N", help=text)
    text = "JSON file {name in the spec: name to show in tables}"
    parser.add_argument("--class_names", metavar="FILE", help=text)
    _key(parser)
    _keras_padding(parser)
    _runtime(parser)


def export(parser: Parser) -> None:
    """Flags of the export to ONNX; those for TensorRT engines are accepted and have no effect."""
    _model(parser, "--model")
    parser.add_argument(
        "-o", "--output_file", help="where to write (default: beside the model, ending in .onnx)"
    )
    parser.add_argument(
        "--data_type", choices=("fp32", "fp16", "int8"), default="fp32", help="precision; default fp32"
    )
    parser.add_argument(
        "--cal_image_dir", help="int8: pictures to calibrate with (default: the training frames)"
    )
    parser.add_argument(
        "--batches", type=int, default=10, help="int8: how many batches to calibrate with (default 10)"
    )
    parser.add_argument("--batch_size", type=int, default=8, help="int8: pictures of a batch (default 8)")
    parser.add_argument(
        "--gen_ds_config", action="store_true", help="also write labels.txt and nvinfer_config.txt"
    )
    parser.add_argument("--results_dir", help="folder for status.json")
    text = "licence of the training data, which the model then tells (not in TAO)"
    parser.add_argument("--data_licence", default="", metavar="TEXT", help=text)
    text = "write int8 that could not be judged on validation frames (not in TAO)"
    parser.add_argument("--force", action="store_true", help=text)
    sizes = ("max_batch_size", "min_batch_size", "opt_batch_size", "max_workspace_size", "static_batch_size")
    others = ("engine_file", "cal_data_file", "cal_cache_file", "cal_json_file", "target_opset", "onnx_route")
    _ignored(parser, *((f"--{name}",) for name in (*sizes, *others)))
    _ignored(parser, ("--force_ptq",), ("-v", "--verbose"), action="store_true")
    _ignored(parser, ("-s", "--strict_type_constraints"), action="store_true")


def prune(parser: Parser) -> None:
    """Flags of prune, which is not supported; others are ignored, so that a script fails for that reason."""
    parser.add_argument("-m", "--model", required=True, help="model to prune")
    parser.add_argument("-n", "--normalizer", help=argparse.SUPPRESS)  # argparse takes an unknown -n for -np


def check_spec(parser: Parser) -> None:
    """Flags of the check of a spec; TAO has no such sub-command."""
    specs = parser.add_mutually_exclusive_group(required=True)
    specs.add_argument("-e", "--experiment_spec", metavar="SPEC", help="experiment spec, checked as by train")
    specs.add_argument("-d", "--dataset_export_spec", metavar="SPEC", help="spec of dataset_convert")
    _key(parser)


def matmul_rate(parser: Parser) -> None:
    """Flags of the measurement of matrix products; TAO has no such sub-command."""
    formats = ("fp32", "tf32", "bf16", "fp16")
    parser.add_argument("--format", choices=formats, default="fp32", help="number format (default fp32)")
    parser.add_argument("-r", "--results_dir", help="folder for status.json")
    _key(parser)


def numerics(parser: Parser) -> None:
    """Flags of the question what decides the last digits; TAO has no such sub-command."""
    parser.add_argument("-r", "--results_dir", help="folder for status.json")
    _key(parser)


def compare(parser: Parser) -> None:
    """Flags of the comparison of files by what they hold; TAO has no such sub-command."""
    parser.add_argument("--left", required=True, help="a folder")
    parser.add_argument("--right", required=True, help="the other folder")
    parser.add_argument("names", nargs="+", help="files, relative to both folders")
    parser.add_argument("-r", "--results_dir", help="folder for status.json")
    _key(parser)


FLAGS: dict[str, Callable[[Parser], None]] = {
    one.__name__: one
    for one in (
        *(dataset_convert, kmeans, train, evaluate, inference, predict, export, prune),
        *(check_spec, matmul_rate, numerics, compare),
    )
}


def say_ignored(args: argparse.Namespace) -> None:
    """Print on standard error which of the flags given have no effect."""
    for dest, flag in getattr(args, "ignored", {}).items():
        if getattr(args, dest) is not None:
            print(f"note: {flag} has no effect here", file=sys.stderr, flush=True)


def _model(parser: Parser, name: str) -> None:
    parser.add_argument(
        "-m", name, required=True, help="a weights/yolov4_*.pt file of train, or TAO 5's .hdf5"
    )
    parser.add_argument(
        "-e", "--experiment_spec", required=True, help="experiment spec the model was trained with"
    )
    _key(parser)
    _keras_padding(parser)


def _keras_padding(parser: Parser) -> None:
    text = "how a .hdf5 model pads: as in NVIDIA's images (default), or as Keras does unpatched"
    parser.add_argument("--keras_padding", choices=KERAS_PADDINGS, help=text)


def _runtime(parser: Parser) -> None:
    text = "what computes (default auto: onnxruntime on a CPU where there are many pictures, else PyTorch)"
    parser.add_argument("--runtime", choices=("auto", "onnxruntime", "pytorch"), default="auto", help=text)


def _key(parser: Parser) -> None:
    parser.add_argument("-k", "--key", default="", help="accepted and not used: models are not encrypted")


def _ignored(parser: Parser, *flags: Sequence[str], **options: Any) -> None:
    """Accept flags of TAO that have no effect here; the help does not list them, `say_ignored` does."""
    names = parser.get_default("ignored") or {}
    for flag in flags:
        action = parser.add_argument(*flag, help=argparse.SUPPRESS, **{"default": None, **options})
        names = {**names, action.dest: flag[-1]}
    parser.set_defaults(ignored=names)
