"""tune-bdb: nine anchors for the training boxes at the network's input size."""

from pathlib import Path
from typing import Any

from harness.engine.answers import read_anchors
from harness.engine.request import Request
from harness.engine.spec_text import network_size
from harness.errors import StageFailed
from harness.files import write_json
from harness.stages.base import Attempt, Stage
from harness.stages.experiment import ANCHORS
from harness.stages.gen_valid import GenValid

NUM_ANCHORS = 9
SCALES = ("small", "mid", "big")


class TuneBdb(Stage):
    """Finds anchors by k-means over the training labels."""

    name = "tune-bdb"
    revision = 1
    upstream = (GenValid,)
    asks = True
    beside_next = True

    def inputs(self) -> dict[str, Any]:
        width, height = network_size(self.experiment.template, where=self.settings.recipe.spec)
        return {"width_px": width, "height_px": height, "anchors": NUM_ANCHORS}

    def products(self) -> tuple[str, ...]:
        return (ANCHORS,)

    def requests(self, folder: Path) -> tuple[Request, ...]:
        inputs, train = self.inputs(), self.workspace.data / "train"
        words = ["-l", str(train / "labels"), "-i", str(train / "images")]
        words += ["-x", str(inputs["width_px"]), "-y", str(inputs["height_px"]), "-n", str(NUM_ANCHORS)]
        results = self.engine().dialect.results(folder / "kmeans")
        if results:
            words += ["--results_dir", str(results)]
        return (Request(subcommand="kmeans", arguments=tuple(words), results=results),)

    def perform(self, attempt: Attempt) -> None:
        (request,) = self.requests(attempt.folder)
        try:
            attempt.ask(request)
        except StageFailed as error:
            raise self._in_terms_of_boxes(error) from error
        anchors = sorted(read_anchors(request.results, attempt.log), key=lambda anchor: anchor[0] * anchor[1])
        if len(anchors) != NUM_ANCHORS:
            raise attempt.error(f"expected {NUM_ANCHORS} anchors from kmeans, found {len(anchors)}")
        third = NUM_ANCHORS // len(SCALES)
        groups = {scale: anchors[third * place : third * (place + 1)] for place, scale in enumerate(SCALES)}
        write_json(attempt.staged(ANCHORS), groups)

    def _in_terms_of_boxes(self, error: StageFailed) -> StageFailed:
        # The engine advises on its flags, which nobody gives who goes through the stages.
        labels = (self.workspace.data / "train" / "labels").glob("*.txt")
        boxes = sum(len(path.read_text().splitlines()) for path in labels)
        if boxes > NUM_ANCHORS:
            return error
        return StageFailed(
            f"{self.name}: the training frames have {boxes} boxes, and {NUM_ANCHORS} anchors need more",
            remedy="label more frames, or leave more to training (VAL_SPLIT, or [split] of the data set)",
        )
