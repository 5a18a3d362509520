"""Event files for TensorBoard, as `training_config.visualizer` asks for, with TAO's tags.

Points are numbered by the batches done so far. TAO numbers some of them by epochs, and TensorBoard drops
points whose number is lower than that of an earlier one.
"""

import math
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from yolo_v4.data.batches import Batch
from yolo_v4.data.tfrecord import framed
from yolo_v4.spec.experiment import Augmentation, Experiment

FILE_VERSION = "brain.Event:2"  # of TensorBoard's format, the content of the first event
BINS = 64
# TAO's name of each parameter that is shown -> PyTorch's, by kind of layer.
SHOWN = {nn.Conv2d: {"weight": "weight"}, nn.BatchNorm2d: {"gamma": "weight", "beta": "bias"}}


class Visualizer:
    """Writes events into `folder`, which is emptied first unless the run is `resumed`.

    Without a folder, or where the spec does not ask for events, nothing is written.
    """

    def __init__(self, folder: Path | None, experiment: Experiment, *, resumed: bool) -> None:
        self._num_images = experiment.training.visualizer_images
        self._augmentation = experiment.augmentation
        self._events: _EventFile | None = None
        if folder is not None and self._num_images is not None:
            self._events = _EventFile(folder, resumed=resumed)

    def scalars(self, number: int, values: Mapping[str, float]) -> None:
        """Write those values that are finite."""
        if self._events is None:
            return
        summary = self._events.summary
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        self._events.write(number, (summary.scalar(name, value) for name, value in finite.items()))

    def watched(self, batches: Iterable[Batch], number: int, network: nn.Module) -> Iterator[Batch]:
        """Pass on the batches of an epoch; when the first one comes, write weights and pictures."""
        for place, batch in enumerate(batches):
            if place == 0 and self._events is not None:
                self._events.write(number, _histograms(self._events.summary, network))
                pixels = batch.pixels[: self._num_images]
                self._events.write(number, _pictures(self._events.summary, pixels, self._augmentation))
            yield batch


class _EventFile:
    """A new file of events; `summary` is tensorboardX's module of functions that make the content of one."""

    def __init__(self, folder: Path, *, resumed: bool) -> None:
        from tensorboardX import proto, summary  # only who asks for events needs it, as check_training says

        self.summary = summary
        self._make_event = proto.event_pb2.Event
        if folder.exists() and not resumed:
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"events.out.tfevents.{time.time():.3f}"
        first = self._make_event(file_version=FILE_VERSION)
        self._path.write_bytes(framed(first.SerializeToString()))

    def write(self, number: int, summaries: Iterable[Any]) -> None:
        """Append an event for each summary."""
        with self._path.open("ab") as stream:
            for summary in summaries:
                event = self._make_event(wall_time=time.time(), step=number, summary=summary)
                stream.write(framed(event.SerializeToString()))


def _histograms(summary: Any, network: nn.Module) -> Iterator[Any]:
    for path, layer in network.named_modules():
        layer_name = path.rpartition(".")[2]
        for shown_name, name in SHOWN.get(type(layer), {}).items():
            values = layer.get_parameter(name).double()
            if values.isfinite().all():  # others have no histogram, and the next loss ends the run
                yield summary.histogram(f"histogram/{shown_name}/{layer_name}", values, BINS)


def _pictures(summary: Any, pixels: Tensor, spec: Augmentation) -> Iterator[Any]:
    bgr = pixels.cpu() + torch.tensor(spec.mean)[:, None, None]
    rgb = bgr.round().clamp(0, 255).byte().flip(1)
    for place, picture in enumerate(rgb):
        yield summary.image(f"image/augmented_images/image/{place}", picture)
