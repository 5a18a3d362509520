"""verify: check the data, and write the labels in the form that NVIDIA's tools read."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.errors import DataError
from harness.files import write_json
from harness.settings.dataset import Dataset
from harness.settings.variables import Settings
from harness.stages.base import Attempt, Stage
from harness.stages.download import Download
from harness.text import listing, shortened

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
        table = {
            "classes": list(dataset.classes),
            "width_px": dataset.width_px,
            "height_px": dataset.height_px,
        }
        return {**table, "written": list(dataset.written_classes)} if dataset.own_names else table

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
        _check_boxes(findings, split.train, attempt)
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
        from harness.data.split import planned_validation

        settings, labels = attempt.settings, attempt.staged("data/.frames/labels")
        val = planned_validation(split, val_split_pct=settings.val_split_pct, seed=settings.seed)
        planned = {"train": sorted({*split.train} - {*val}), "validation": val, "test": split.test}
        dataset = settings.dataset
        attempt.say(table({part: count_boxes(labels, stems, dataset) for part, stems in planned.items()}))
        for text in _remarks(split, findings, dataset):
            attempt.say(text)
        # Validation is the next stage's choice: a product of this one must not change with it.
        counts = {
            part: count_boxes(labels, stems, dataset)
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
                **_only_where_told(findings, dataset),
            },
        )


def _check_classes(classes: list[str], attempt: Attempt) -> None:
    dataset = attempt.settings.dataset
    if _composed(classes) != _composed(dataset.classes):
        raise DataError(
            f"obj.names in {dataset.archive} has the classes {', '.join(classes)}; "
            f"the data set {dataset.name} expects {', '.join(dataset.classes)}, in this order",
            remedy=f"correct classes in the file of data set {dataset.name}, "
            "and the classes in the experiment spec",
        )


def _check_problems(findings: "Findings", attempt: Attempt) -> None:
    if findings.problems:
        raise DataError(
            f"{len(findings.problems)} problem(s) in {attempt.workspace.frames}:{listing(findings.problems)}",
            remedy=_cure(findings, attempt.settings),
        )


def _cure(findings: "Findings", settings: Settings) -> str:
    """What to do about the problems: the file of the data set may be wrong, or the archive."""
    dataset, again = settings.dataset, settings.command("verify")
    declared, file = (dataset.width_px, dataset.height_px), f"the file of data set {dataset.name}"
    others = {f"{width}x{height}" for width, height in findings.sizes if (width, height) != declared}
    pictures = [problem for problem in findings.problems if problem.where.startswith("images/")]
    damaged = [problem for problem in pictures if problem.found not in others]
    if len(pictures) == len(findings.problems) and not damaged:
        if {*findings.sizes} == {declared[::-1]}:
            return f"exchange width_px and height_px in {file}, then: {again}"
        return f"remove width_px and height_px from {file}, so that sizes may differ, then: {again}"
    checksum = ", and its sha256" if dataset.sha256 else ""
    skip = f", or leave such frames out: skip_damaged = {len(damaged)} in {file}" if damaged else ""
    return f"correct {dataset.sought}{checksum}{skip}, then: {again}"


def _check_boxes(findings: "Findings", train: Sequence[str], attempt: Attempt) -> None:
    """Refuse training frames without a box: nothing could be learnt, and every later stage would fail."""
    if any(findings.labels[stem] for stem in train):
        return
    dataset, elsewhere = attempt.settings.dataset, sum(map(bool, findings.labels.values()))
    small = findings.boxes_under_a_pixel
    if elsewhere:
        cause, remedy = (
            f", {elsewhere} of the test frames have some",
            f"choose other test frames, by [split] in the file of data set {dataset.name}",
        )
    elif small:
        cause, remedy = f": all {small} are under a pixel", f"draw larger boxes, and correct {dataset.sought}"
    else:
        cause, remedy = (
            ": all labels are empty",
            "draw upright rectangles (CVAT leaves polygons, masks and turned boxes out of YOLO 1.1), "
            f"and correct {dataset.sought}",
        )
    raise DataError(f"none of the {len(train)} training frames has a box{cause}", remedy=remedy)


def _composed(names: Sequence[str]) -> list[str]:
    """The same names for the same look: an accent may be a letter's own, or a character that follows it."""
    import unicodedata  # a run that does nothing compares no names

    return [unicodedata.normalize("NFC", name) for name in names]


def _only_where_told(findings: "Findings", dataset: Dataset) -> dict[str, Any]:
    """Facts of some data sets only: a report of others stays what it was."""
    table: dict[str, Any] = {}
    if len(findings.sizes) > 1:
        table["sizes"] = {f"{width}x{height}": count for (width, height), count in _by_count(findings.sizes)}
    if dataset.own_names:
        table["written_classes"] = dict(zip(dataset.classes, dataset.written_classes, strict=True))
    return table


def _by_count(sizes: Counter[Any]) -> list[tuple[Any, int]]:
    return sorted(sizes.items(), key=lambda item: (-item[1], item[0]))


def _remarks(split: "Split", findings: "Findings", dataset: Dataset) -> list[str]:
    remarks = []
    if len(findings.sizes) > 1:
        sizes = shortened([f"{w}x{h} ({count})" for (w, h), count in _by_count(findings.sizes)], shown=5)
        remarks.append(f"pictures of {len(findings.sizes)} sizes: {sizes}")
    if len(findings.box_sizes) == 1 and (boxes := sum(findings.box_sizes.values())) > 1:
        ((width, height),) = findings.box_sizes
        remarks.append(
            f"all {boxes} boxes are {width:g}x{height:g} pixels: were they drawn with one click? "
            "The nine anchors will be equal"
        )
    for own, written in zip(dataset.classes, dataset.written_classes, strict=True):
        if own != written:
            remarks.append(f"class {own!r} is written {written} in labels and specs")
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
