"""tune-bdb: nine anchors for the training boxes at the network's input size."""

from pathlib import Path
from typing import Any

from harness.data.box_scales import STRIDES_PX, divide, usual_anchors
from harness.engine.answers import Anchor, read_anchors
from harness.engine.request import Request
from harness.engine.spec_text import network_size
from harness.errors import StageFailed
from harness.files import write_json
from harness.settings.recipe import BY_STRIDE
from harness.stages.base import Attempt, Stage
from harness.stages.experiment import ANCHORS
from harness.stages.gen_valid import GenValid

NUM_ANCHORS = 9
SCALES = tuple(STRIDES_PX)
THIRD = NUM_ANCHORS // len(SCALES)
LABELS = "labels"  # in the attempt's folder: those of each scale


class TuneBdb(Stage):
    """Finds anchors by k-means over the training labels."""

    name = "tune-bdb"
    revision = 1
    upstream = (GenValid,)
    asks = True
    beside_next = True

    def inputs(self) -> dict[str, Any]:
        width, height = network_size(self.experiment.template, where=self.settings.recipe.spec)
        by_stride = {"divided": BY_STRIDE} if self._is_by_stride else {}
        return {"width_px": width, "height_px": height, "anchors": NUM_ANCHORS, **by_stride}

    def products(self) -> tuple[str, ...]:
        return (ANCHORS,)

    def requests(self, folder: Path) -> tuple[Request, ...]:
        if self._is_by_stride:
            return tuple(
                self._request(folder / f"kmeans-{scale}", folder / LABELS / scale, THIRD) for scale in SCALES
            )
        return (self._request(folder / "kmeans", self.workspace.data / "train" / "labels", NUM_ANCHORS),)

    def perform(self, attempt: Attempt) -> None:
        groups = self._by_stride(attempt) if self._is_by_stride else self._thirds(attempt)
        write_json(attempt.staged(ANCHORS), groups)

    @property
    def _is_by_stride(self) -> bool:
        return self.settings.recipe.anchors == BY_STRIDE

    def _request(self, results: Path, labels: Path, count: int) -> Request:
        inputs, images = self.inputs(), self.workspace.data / "train" / "images"
        words = ["-l", str(labels), "-i", str(images)]
        words += ["-x", str(inputs["width_px"]), "-y", str(inputs["height_px"]), "-n", str(count)]
        kept = self.engine().dialect.results(results)
        if kept:
            words += ["--results_dir", str(kept)]
        return Request(subcommand="kmeans", arguments=tuple(words), results=kept)

    def _thirds(self, attempt: Attempt) -> dict[str, list[Anchor]]:
        """The smallest third of all anchors for the finest grid, and so on."""
        (request,) = self.requests(attempt.folder)
        anchors = self._ask(attempt, request, NUM_ANCHORS)
        return {scale: anchors[THIRD * place : THIRD * (place + 1)] for place, scale in enumerate(SCALES)}

    def _by_stride(self, attempt: Attempt) -> dict[str, list[Anchor]]:
        """For each grid a third of the anchors, from the boxes that it is fine enough for."""
        inputs = self.inputs()
        input_px = (inputs["width_px"], inputs["height_px"])
        boxes = divide(self.workspace.data / "train", attempt.folder / LABELS, input_px)
        every = [box for own in boxes.values() for box in own]
        if len(every) <= NUM_ANCHORS:
            raise self._too_few(len(every))
        groups = {}
        for scale, request in zip(SCALES, self.requests(attempt.folder), strict=True):
            if len(boxes[scale]) > THIRD:  # k-means needs more boxes than anchors
                groups[scale] = self._ask(attempt, request, THIRD)
            else:
                groups[scale] = usual_anchors(scale, THIRD, every)
        return groups

    def _ask(self, attempt: Attempt, request: Request, count: int) -> list[Anchor]:
        """Anchors of a request, the smallest first."""
        try:
            attempt.ask(request)
        except StageFailed as error:
            raise self._in_terms_of_boxes(error) from error
        anchors = sorted(read_anchors(request.results, attempt.log), key=lambda anchor: anchor[0] * anchor[1])
        if len(anchors) != count:
            raise attempt.error(f"expected {count} anchors from kmeans, found {len(anchors)}")
        return anchors

    def _in_terms_of_boxes(self, error: StageFailed) -> StageFailed:
        # The engine advises on its flags, which nobody gives who goes through the stages.
        labels = (self.workspace.data / "train" / "labels").glob("*.txt")
        boxes = sum(len(path.read_text().splitlines()) for path in labels)
        return error if boxes > NUM_ANCHORS else self._too_few(boxes)

    def _too_few(self, boxes: int) -> StageFailed:
        return StageFailed(
            f"{self.name}: the training frames have {boxes} boxes, and {NUM_ANCHORS} anchors need more",
            remedy="label more frames, or leave more to training (VAL_SPLIT, or [split] of the data set)",
        )
