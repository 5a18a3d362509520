"""gen-valid: which training frames become validation; the folders train and val for the next stages."""

from typing import Any

from harness.files import write_json
from harness.stages.base import Attempt, Stage
from harness.stages.verify import Verify


class GenValid(Stage):
    """Builds train and val anew from the frames each time: a frame is in exactly one of train, val, test."""

    name = "gen-valid"
    revision = 1
    upstream = (Verify,)

    def inputs(self) -> dict[str, Any]:
        table = {"val_split_pct": self.settings.val_split_pct, "seed": self.settings.seed}
        # Frames were drawn one by one before, also where whole folders should stay together.
        return {**table, "group": "folder"} if self.settings.dataset.split.group == "folder" else table

    def products(self) -> tuple[str, ...]:
        train = ("data/train/images", "data/train/labels", "data/train/labels_raw")
        return ("data/split.json", *train, "data/val/images", "data/val/labels")

    def perform(self, attempt: Attempt) -> None:
        from harness.data.box_counts import count_boxes, table  # only a run needs these
        from harness.data.split import planned_validation
        from harness.data.views import link_view, read_split

        frames, settings = attempt.workspace.frames, attempt.settings
        split = read_split(frames / "split.json")
        val = planned_validation(split, val_split_pct=settings.val_split_pct, seed=settings.seed)
        parts = {"train": sorted({*split.train} - {*val}), "val": list(val), "test": list(split.test)}
        for product in self.products():
            if product != "data/split.json":
                _, part, content = product.split("/")
                link_view(frames / content, attempt.staged(product), parts[part])
        write_json(attempt.staged("data/split.json"), {**self.inputs(), **parts})
        counts = {
            part: count_boxes(frames / "labels", stems, settings.dataset) for part, stems in parts.items()
        }
        attempt.say(table(counts))
