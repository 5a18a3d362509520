"""eval: average precision of each class on the test frames, and on the validation frames."""

import json
from pathlib import Path
from typing import Any

from harness.engine.answers import metrics, read_scores
from harness.engine.request import Request
from harness.engine.spec_text import class_mapping, matching_iou
from harness.files import write_json
from harness.stages.base import Attempt, Stage
from harness.stages.convert_data import ConvertData
from harness.stages.experiment import run_file
from harness.stages.gen_valid import GenValid
from harness.stages.train import Train
from harness.stages.verify import Verify

METRICS = {"test": "experiment/metrics.json", "val": "experiment/metrics_val.json"}
DETECTIONS = "experiment/detections.jsonl"


class Eval(Stage):
    """Measures the trained model on the test and the validation frames."""

    name = "eval"
    revision = 2
    upstream = (Verify, GenValid, ConvertData, Train)
    asks = True
    uses_model = True

    def inputs(self) -> dict[str, Any]:
        return {**self.experiment.inputs(), **self.experiment.choice()}

    def products(self) -> tuple[str, ...]:
        kept = (DETECTIONS,) if self.engine().dialect.has_additions else ()
        return (*METRICS.values(), *kept)

    def requests(self, folder: Path) -> tuple[Request, ...]:
        return tuple(self._request(split, folder) for split in METRICS)

    def _request(self, split: str, folder: Path) -> Request:
        engine = self.engine()
        words = ["-m", str(self.experiment.trained_model(engine)), "-e", str(run_file(folder, split))]
        results = engine.dialect.results(folder / f"evaluate_{split}")
        if results:
            words += ["-r", str(results)]
        return Request(subcommand="evaluate", arguments=tuple(words), results=results)

    def perform(self, attempt: Attempt) -> None:
        self.experiment.require_choice()
        for split, request in zip(METRICS, self.requests(attempt.folder), strict=True):
            self.experiment.write_run_file(attempt.folder, split, validation=split)
            heard = attempt.log.stat().st_size if attempt.log.exists() else 0
            attempt.say(f"the {split} frames")
            attempt.ask(request)
            scores = read_scores(request.results, attempt.log.read_bytes()[heard:].decode(errors="replace"))
            if not scores:
                raise attempt.error(f"expected average precisions of the {split} frames, found none")
            write_json(attempt.staged(METRICS[split]), self._metrics(split, scores))
            if request.results and self.engine().dialect.has_additions:
                self._keep_detections(split, request.results, attempt.staged(DETECTIONS))

    def _keep_detections(self, split: str, results: Path, target: Path) -> None:
        """Append what was found on the frames of a split, under the names of classes that the user knows."""
        own = self.settings.dataset.own_names
        with (
            (results / target.name).open(encoding="utf-8") as found,
            target.open("a", encoding="utf-8") as kept,
        ):
            for line in found:
                row = json.loads(line)
                row["class"] = own.get(row["class"], row["class"])
                kept.write(json.dumps({"split": split, **row}, ensure_ascii=False) + "\n")

    def _metrics(self, split: str, scores: dict[str, Any]) -> dict[str, Any]:
        text, folder = self.experiment.template, self.workspace.data / split
        told = metrics(
            scores,
            split=split,
            images=scores.get("images", len(list((folder / "images").iterdir()))),
            iou_threshold=scores.get("iou_threshold", matching_iou(text, where=self.settings.recipe.spec)),
            boxes=scores.get("boxes") or self._boxes(folder / "labels", class_mapping(text)),
        )
        return self._with_own_names(told) if self.settings.dataset.own_names else told

    def _with_own_names(self, told: dict[str, Any]) -> dict[str, Any]:
        """Metrics by the user's own names of classes, which labels and specs cannot have."""
        own = self.settings.dataset.own_names
        renamed = {
            key: {own.get(name, name): value for name, value in told[key].items()} for key in ("AP", "boxes")
        }
        return {**told, **renamed}

    def _boxes(self, labels: Path, mapping: dict[str, str]) -> dict[str, int]:
        """Ground truth by target class, which NVIDIA's evaluate does not tell."""
        from harness.data.box_counts import count_boxes  # only a run needs it

        counts = dict.fromkeys(sorted(set(mapping.values())), 0)
        dataset, stems = self.settings.dataset, [path.stem for path in labels.glob("*.txt")]
        boxes = count_boxes(labels, stems, dataset).boxes
        for own, written in zip(dataset.classes, dataset.written_classes, strict=True):
            if written.lower() in mapping:
                counts[mapping[written.lower()]] += boxes[own]
        return counts
