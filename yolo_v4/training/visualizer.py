"""Event files for TensorBoard, as `training_config.visualizer` asks for, with TAO's tags.

Points stand at the number of batches so far; TAO counts some in epochs, and TensorBoard drops points that go back.
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
from yolo_v4.errors import SpecError
from yolo_v4.spec.experiment import Augmentation, Experiment

BINS = 64
SHOWN = {
    nn.Conv2d: {"weight": "weight"},
    nn.BatchNorm2d: {"gamma": "weight", "beta": "bias"},
}  # TAO's names, ours


class Visualizer:
    """Writes into `folder`, emptied unless `resumed`; nowhere without one or where the spec does not ask for it."""

    def __init__(self, folder: Path | None, experiment: Experiment, *, resumed: bool) -> None:
        self._images, self._input = experiment.training.visualizer_images, experiment.augmentation
        self._file: Path | None = None
        if folder is None or self._images is None:
            return
        try:
            from tensorboardX import proto, summary
        except ImportError as error:
            message = (
                "visualizer is enabled, and tensorboardX, which writes for TensorBoard, is not installed"
            )
            raise SpecError(message, remedy="pip install tensorboardX, or set enabled: false") from error
        self._make, self._event = summary, proto.event_pb2.Event
        if folder.exists() and not resumed:
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / f"events.out.tfevents.{time.time():.3f}"
        self._file.write_bytes(framed(self._event(file_version="brain.Event:2").SerializeToString()))

    def scalars(self, number: int, values: Mapping[str, float]) -> None:
        """Write those that are finite."""
        self._write(number, (("scalar", *item) for item in values.items() if math.isfinite(item[1])))

    def watched(self, batches: Iterable[Batch], number: int, network: nn.Module) -> Iterator[Batch]:
        """Hand on the batches of an epoch; weights and pictures are written when the first one comes."""
        for place, batch in enumerate(batches):
            if place == 0:
                self._write(number, _weights(network))
                self._write(number, _pictures(batch.pixels[: self._images], self._input))
            yield batch

    def _write(self, number: int, entries: Iterable[tuple[Any, ...]]) -> None:
        if self._file is not None:
            with self._file.open("ab") as stream:
                for kind, *entry in entries:
                    event = self._event(
                        wall_time=time.time(), step=number, summary=getattr(self._make, kind)(*entry)
                    )
                    stream.write(framed(event.SerializeToString()))


def _weights(network: nn.Module) -> Iterator[tuple[Any, ...]]:
    for path, layer in network.named_modules():
        for shown, name in SHOWN.get(type(layer), {}).items():
            values = layer.get_parameter(name).double()
            if values.isfinite().all():  # others have no histogram, and the next loss ends the run
                yield "histogram", f"histogram/{shown}/{path.rpartition('.')[2]}", values, BINS


def _pictures(pixels: Tensor, spec: Augmentation) -> Iterator[tuple[Any, ...]]:
    bgr = pixels.cpu() + torch.tensor(spec.mean)[:, None, None]
    for place, rgb in enumerate(bgr.round().clamp(0, 255).byte().flip(1)):
        yield "image", f"image/augmented_images/image/{place}", rgb
