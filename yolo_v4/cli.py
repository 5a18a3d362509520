"""The command line, with TAO's sub-commands and flags; only this module prints errors and sets exit statuses.

Exit status: 0 done, 1 failed, 2 wrong usage, 128 + n ended by signal n.
"""

import argparse
import contextlib
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType, ModuleType

from yolo_v4.errors import DetectorError, is_out_of_memory
from yolo_v4.flags import FLAGS, say_ignored

# Modules are imported when their command runs: help and the commands without a network need no torch.
COMMANDS = {
    "dataset_convert": "convert KITTI labels into TFRecords",
    "kmeans": "find anchor sizes for a data set",
    "train": "train a network",
    "evaluate": "average precision of a model on the validation data of a spec",
    "inference": "detect objects in pictures: annotated pictures and KITTI labels",
    "predict": "count objects on pictures and in videos: tables, pictures and labels (not in TAO)",
    "export": "write a model as ONNX",
    "prune": "not supported",
    "check_spec": "say what is wrong with a spec, and run nothing (not in TAO)",
    "matmul_rate": "measure how fast this machine multiplies matrices (not in TAO)",
    "numerics": "say what decides the last digits of a result on this machine (not in TAO)",
    "compare": "say whether checkpoints, ONNX models or TFRecords hold the same (not in TAO)",
}
EPILOG = """Sub-commands, flags, spec files and outputs follow NVIDIA TAO Toolkit's yolo_v4;
docs/seam.md lists every flag and field, and what differs on purpose.
`yolo_v4 SUBCOMMAND --help` lists the flags of one of them."""
SMALLER = "a smaller input size or extension.inference_scale, or a machine with more memory"


class Interrupted(KeyboardInterrupt):
    """A signal to end the program arrived; its number is the only argument."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sub-command and return the exit status; usage errors raise argparse's SystemExit(2)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    args, unknown = parser.parse_known_args(arguments, argparse.Namespace(argv=arguments))
    if unknown and args.command != "prune":
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    _check_usage(parser, args)
    if args.gpu_index is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(str(index) for index in sorted(set(args.gpu_index)))
    try:
        with _signals_interrupt():
            status = _logged(args) if args.log_file else _run(args)
    except Interrupted as interruption:
        status = 128 + int(interruption.args[0])
    print(f"Execution status: {'PASS' if status == 0 else 'FAIL'}", flush=True)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="yolo_v4",
        description="YOLOv4 object detector: a portable drop-in for NVIDIA TAO's yolo_v4.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_global_flags(is_before_command=True)],
    )
    shared = _global_flags(is_before_command=False)
    commands = parser.add_subparsers(dest="command", metavar="SUBCOMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(
            name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", parents=[shared]
        )
        FLAGS[name](command)
    return parser


def _global_flags(*, is_before_command: bool) -> argparse.ArgumentParser:
    # These flags may be given before or after the sub-command. After it they have no defaults, which would
    # replace values given before it.
    def default(value: object) -> object:
        return value if is_before_command else argparse.SUPPRESS

    parser = argparse.ArgumentParser(add_help=False)
    group = parser.add_argument_group("flags of every sub-command")
    group.add_argument("--gpus", type=int, default=default(1), help="number of GPUs to train on (default 1)")
    group.add_argument("--gpu_index", type=int, nargs="+", default=default(None), help="which GPUs to use")
    group.add_argument(
        "--use_amp",
        action="store_true",
        default=default(False),
        help="train with mixed precision where it is faster: --numbers auto",
    )
    group.add_argument(
        "--log_file", default=default(None), help="append everything printed to this file instead"
    )
    group.add_argument(
        "-np",
        "--num_processes",
        type=int,
        default=default(-1),
        help="number of processes (default: one a GPU)",
    )
    return parser


def _check_usage(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    if args.gpus < 1:
        parser.error(f"--gpus is {args.gpus}, expected 1 or more")
    if args.command != "train" and (args.gpus > 1 or args.use_amp):
        parser.error(f"--gpus above 1 and --use_amp are for train only, not for {args.command}")
    if args.command == "train" and args.use_amp and args.numbers not in (None, "auto"):
        parser.error(f"--use_amp means --numbers auto, and --numbers {args.numbers} was given: leave one out")
    if args.num_processes > 0 and args.num_processes != args.gpus:
        parser.error(
            f"--num_processes is {args.num_processes}, expected {args.gpus}, as --gpus says: one a GPU"
        )
    if args.gpu_index is not None and (len(args.gpu_index) != args.gpus or min(args.gpu_index) < 0):
        parser.error(
            f"--gpu_index gives {args.gpu_index}, expected {args.gpus} numbers of 0 or more, as --gpus says"
        )


def _run(args: argparse.Namespace) -> int:
    if args.command == "prune":
        _explain(
            f"prune is not supported, so {args.model} was left as it is",
            "prune with NVIDIA's container, or not",
        )
        return 1
    say_ignored(args)
    try:
        importlib.import_module(f"yolo_v4.commands.{args.command}").run(args)
    except DetectorError as error:
        _explain(error.message, error.remedy)
        return error.exit_status
    except Interrupted:
        print("Command was interrupted.", file=sys.stderr, flush=True)
        raise
    except Exception as error:
        told = _told(error)
        if told is None:
            traceback.print_exc()
        else:
            _explain(*told)
        return 1
    return 0


def _told(error: Exception) -> tuple[str, str] | None:
    """What was found and the remedy, of an error that is not the detector's own; None of a fault of ours."""
    # Memory first: where it ends while a library is loaded, ImportError or OSError says so.
    if is_out_of_memory(error):
        return f"memory ran out: {type(error).__name__}: {error}", SMALLER
    if isinstance(error, OSError):
        return str(error), "check the path, its permissions and the free space of its disk"
    if isinstance(error, ImportError) and not (error.name or "").startswith("yolo_v4"):
        install = "pip install 'jamcam-harness[detector]' (in a checkout make does it)"
        return f"a package cannot be imported: {error}", f"unset PYTHONPATH, or {install}"
    # Of a package that was half removed, Python imports a shell without what it should have.
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        package = error.obj.__name__.partition(".")[0]
        if package != "yolo_v4":
            return f"a package is not whole: {error}", f"pip install --force-reinstall {package}"
    return None


def _explain(message: str, remedy: str) -> None:
    print(f"error: {message}\n  try: {remedy}", file=sys.stderr, flush=True)


def _logged(args: argparse.Namespace) -> int:
    """Run the command with all output appended to the log file.

    File descriptors are replaced, so the output of libraries goes there too.
    """
    path = Path(args.log_file)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("ab")
    except OSError as error:
        _explain(f"cannot write the log file: {error}", "give --log_file a path that can be written")
        return 1
    originals = {1: os.dup(1), 2: os.dup(2)}
    try:
        for descriptor in originals:
            os.dup2(stream.fileno(), descriptor)
        status = _run(args)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, original in originals.items():
            os.dup2(original, descriptor)
            os.close(original)
        stream.close()
    if status:
        _explain(f"yolo_v4 {args.command} failed", f"read the end of {path}")
    return status


@contextlib.contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Raise Interrupted on SIGINT and SIGTERM for as long as the context lasts."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Interrupted(number)

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
