"""verify: check the data, and write the labels in the form that NVIDIA's tools read."""

from typing import TYPE_CHECKING, Any

from harness.errors import DataError
from harness.files import write_json
from harness.stages.base import Attempt, Stage
from harness.stages.download import Download
from harness.text import listing

if TYPE_CHECKING:  # only a run needs these packages, and a run that does nothing costs less without them
    from harness.data.inspection import Findings
    from harness.data.split import Split


class Verify(Stage):
    """Checks class names, pictures and labels; converts labels; builds the view test; counts."""

    name = "verify"
    revision = 1
    upstream = (Download,)

    def inputs(self) -> dict[str, Any]:
        dataset = self.settings.dataset
        return {
            "classes": list(dataset.classes),
            "width_px": dataset.width_px,
            "height_px": dataset.height_px,
        }

    def products(self) -> tuple[str, ...]:
        test = ("data/test/images", "data/test/labels", "data/test/labels_raw")
        return ("data/.frames/labels", *test, "experiment/verify.json")

    def perform(self, attempt: Attempt) -> None:
        from harness.data.inspection import inspect_frames
        from harness.data.views import link_view, read_split

        frames, dataset = attempt.workspace.frames, attempt.settings.dataset
        split = read_split(frames / "split.json")
        _check_classes((frames / "obj.names").read_text().split("\n")[:-1], attempt)
        findings = inspect_frames(frames, split.train + split.test, dataset, say=attempt.say)
        _check_problems(findings, attempt)
        labels = attempt.staged("data/.frames/labels")
        labels.mkdir()
        for stem, lines in findings.labels.items():
            (labels / f"{stem}.txt").write_text(lines)
        link_view(labels, attempt.staged("data/test/labels"), split.test)
        for content in ("images", "labels_raw"):
            link_view(frames / content, attempt.staged(f"data/test/{content}"), split.test)
        self._report(attempt, split, findings)

    def _report(self, attempt: Attempt, split: "Split", findings: "Findings") -> None:
        from harness.data.box_counts import count_boxes, table
        from harness.data.split import choose_validation

        settings, labels = attempt.settings, attempt.staged("data/.frames/labels")
        val = choose_validation(split.train, val_split_pct=settings.val_split_pct, seed=settings.seed)
        planned = {"train": sorted({*split.train} - {*val}), "validation": val, "test": split.test}
        classes = settings.dataset.classes
        attempt.say(table({part: count_boxes(labels, stems, classes) for part, stems in planned.items()}))
        for text in _remarks(split, findings):
            attempt.say(text)
        # Validation is the next stage's choice: a product of this one must not change with it.
        counts = {
            part: count_boxes(labels, stems, classes)
            for part, stems in {"train_and_validation": split.train, "test": split.test}.items()
        }
        write_json(
            attempt.staged("experiment/verify.json"),
            {
                "dataset": settings.dataset.name,
                "frames": {part: count.frames for part, count in counts.items()},
                "frames_without_boxes": {part: count.empty_frames for part, count in counts.items()},
                "boxes": {part: dict(count.boxes) for part, count in counts.items()},
                "boxes_left_out": {
                    "repeated": findings.boxes_repeated,
                    "under_a_pixel": findings.boxes_under_a_pixel,
                },
                "identical_pictures": findings.identical_pictures,
            },
        )


def _check_classes(classes: list[str], attempt: Attempt) -> None:
    dataset = attempt.settings.dataset
    if tuple(classes) != dataset.classes:
        raise DataError(
            f"obj.names in {dataset.archive} has the classes {', '.join(classes)}; "
            f"the data set {dataset.name} expects {', '.join(dataset.classes)}, in this order",
            remedy=f"correct classes in the file of data set {dataset.name}, "
            "and the classes in the experiment spec",
        )


def _check_problems(findings: "Findings", attempt: Attempt) -> None:
    if findings.problems:
        archive, again = attempt.settings.dataset.archive, attempt.settings.command("verify")
        raise DataError(
            f"{len(findings.problems)} problem(s) in {attempt.workspace.frames}:{listing(findings.problems)}",
            remedy=f"correct {archive} at its source, and its sha256, then: {again}",
        )


def _remarks(split: "Split", findings: "Findings") -> list[str]:
    remarks = []
    if findings.boxes_repeated or findings.boxes_under_a_pixel:
        remarks.append(
            f"boxes left out: {findings.boxes_repeated} repeated, "
            f"{findings.boxes_under_a_pixel} under a pixel"
        )
    test = set(split.test)
    for stems in findings.identical_pictures:
        leak = "; in train AND test" if 0 < len(test.intersection(stems)) < len(stems) else ""
        remarks.append(f"the same picture {len(stems)} times: {', '.join(stems)}{leak}")
    return remarks
