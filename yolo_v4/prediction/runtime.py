"""What computes a trained network: PyTorch, or onnxruntime where that is faster; one rule for all commands.

onnxruntime looks at each picture by itself, with a thread of its own: what it finds depends neither on the
number of threads nor on the size of batches.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from yolo_v4.errors import DetectorError, is_out_of_memory
from yolo_v4.network.device import PYTORCH
from yolo_v4.network.yolo import Yolo
from yolo_v4.scoring.nms import Detections, detections, predict
from yolo_v4.spec.experiment import STRIDES_PX, Experiment

ONNXRUNTIME = "onnxruntime"
ASKED_FOR = {"onnxruntime": ONNXRUNTIME, "pytorch": PYTORCH}  # by the words of `--runtime`
# What is used of the packages that it needs: of one that is half removed, Python imports an empty shell.
NEEDED = {
    "onnx": ("ModelProto", "helper"),
    "onnxruntime": ("InferenceSession", "SessionOptions", "__version__"),
}
# To write the network as ONNX takes a second or two of one core, which fewer pictures would not win back.
LEAST_PICTURES = 100
MOST_WORKERS = 8  # more would wait for one another: decoding and drawing are partly Python
# Finds what is on network input [B, C, H, W], placed as the command places it.
Find = Callable[[Tensor], list[Detections]]


def choose_runtime(device: torch.device, *, pictures: int, asked_for: str = "auto") -> str:
    """The one rule for which program computes: `ONNXRUNTIME` or `PYTORCH`.

    It knows no clock: the same pictures on the same kind of machine are always computed by the same one.
    Where an onnxruntime is installed and does not work, a note says why PyTorch computes.

    Args:
        device: the one that PyTorch would use; the onnxruntime that is installed knows no GPU.
        pictures: how many pictures and frames there are to look at, in all.
        asked_for: a key of `ASKED_FOR`, or "auto".

    Raises:
        DetectorError: onnxruntime is asked for, and cannot be used.
    """
    if asked_for == "auto":
        if device.type != "cpu" or pictures < LEAST_PICTURES or _absent():
            return PYTORCH
        if reason := _broken():
            print(f"note: {reason}, so PyTorch computes", file=sys.stderr, flush=True)
        return PYTORCH if reason else ONNXRUNTIME
    if ASKED_FOR[asked_for] == ONNXRUNTIME:
        _require_onnxruntime(asked_for)
    return ASKED_FOR[asked_for]


def _require_onnxruntime(asked_for: str) -> None:
    absent = _absent()
    reason = f"{' and '.join(absent)} cannot be imported" if absent else _broken()
    if reason:
        raise DetectorError(
            f"--runtime {asked_for} was asked for, and {reason}",
            remedy=f"pip install {'' if absent else '--force-reinstall '}{' '.join(absent or NEEDED)}, "
            "or leave --runtime out",
        )


def _absent() -> list[str]:
    """The packages that are not installed."""
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


def _broken() -> str:
    """Which of the packages does not work, and how that shows; "" where both work."""
    for name, parts in NEEDED.items():
        try:
            package = importlib.import_module(name)
            for part in parts:
                getattr(package, part)
        except Exception as error:  # whatever a package of another make raises
            first = (str(error).splitlines() or [""])[0]
            return f"{name} is installed and cannot be used ({type(error).__name__}: {first})"
    return ""


class Finder(NamedTuple):
    """What finds objects on pictures for a command, and how."""

    find: Find
    runtime: str
    told: str  # what computes and where, in words
    workers: int  # threads that each look at one picture after the other; 0: whole batches, one at a time


def make_finder(network: Yolo, experiment: Experiment, *, pictures: int, asked_for: str) -> Finder:
    """The finder for a network on its device; arguments and errors are those of `choose_runtime`."""
    device = next(network.parameters()).device
    runtime = choose_runtime(device, pictures=pictures, asked_for=asked_for)
    return Finder(
        find=by_network(network, experiment, runtime),
        runtime=runtime,
        told=in_words(runtime, device),
        workers=workers() if runtime == ONNXRUNTIME else 0,
    )


def in_words(runtime: str, device: torch.device) -> str:
    """What computes and where, in words: `onnxruntime 1.23.2 on the CPU`."""
    if runtime == ONNXRUNTIME:
        import onnxruntime

        return f"{runtime} {onnxruntime.__version__} on the CPU"
    return f"{runtime} {torch.__version__} on the {'CPU' if device.type == 'cpu' else 'GPU'}"


def workers() -> int:
    """In how many threads pictures are looked at where each has one of its own."""
    return min(torch.get_num_threads(), MOST_WORKERS)


def by_network(network: Yolo, experiment: Experiment, runtime: str) -> Find:
    """Finds with a network what it finds, computed by `runtime`; may be called by several threads."""
    if runtime == ONNXRUNTIME:
        return by_session(open_session(_written(network.cpu(), experiment)))
    return lambda pixels: detections(predict(network, pixels, experiment), experiment.nms)


def by_session(session: Any) -> Find:
    """The same with an exported model in a session of onnxruntime.

    What it returns raises DetectorError: memory ran out.
    """
    from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

    def find(pixels: Tensor) -> list[Detections]:
        try:
            outputs = session.run(None, {"Input": pixels.numpy()})
        except RuntimeException as error:
            if not is_out_of_memory(error):
                raise
            raise DetectorError(
                f"memory ran out with {workers()} threads, a picture each: {error}",
                remedy="OMP_NUM_THREADS=1, for one thread, or a smaller input size of the network",
            ) from error
        found = []
        for count, *parts in zip(*outputs, strict=True):
            boxes, scores, classes = (torch.from_numpy(part[: count[0]]) for part in parts)
            found.append(Detections(boxes, scores, classes.long()))
        return found

    return find


def open_session(content: bytes, *, threads: int = 1) -> Any:
    """A session of a model; it computes in the thread that calls it, or in so many (0: as many as cores)."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong is raised as well
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _written(network: Yolo, experiment: Experiment) -> bytes:
    """The network with decoding and suppression as an ONNX model, which onnxruntime folds and fuses."""
    from yolo_v4.deploy.onnx import Candidates, add_suppression, trace_candidates  # needs onnx

    spec = experiment.augmentation
    predictions = sum(
        len(anchors) * (spec.height // stride) * (spec.width // stride)
        for anchors, stride in zip(experiment.network.anchors, STRIDES_PX, strict=True)
    )
    traced = trace_candidates(Candidates(network, experiment), experiment)
    content: bytes = add_suppression(traced, experiment, {}, predictions=predictions).SerializeToString()
    return content
