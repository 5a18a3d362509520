"""What a model is worth, as text for a terminal."""

from collections.abc import Iterator

from harness.report.overview import words
from harness.report.overview.accuracy import MISSED, NOTHING_THERE, Accuracy
from harness.report.overview.columns import table, wrapped
from harness.report.overview.facts import RunFacts
from harness.report.overview.spark import sparkline

NUMBERS_FIT = 8  # classes whose confusions fit a terminal


def accuracy_lines(run: RunFacts) -> Iterator[str]:
    """The scores of a run on the test frames, and what its detections tell beyond them."""
    if run.scores is None:
        yield "  accuracy: not recorded"
        return
    images = f" on {run.scores.images} test frames" if run.scores.images is not None else ""
    between = words.interval(run.accuracy.low, run.accuracy.high) if run.accuracy else ""
    told = f" (95 % of samples of them: {between})" if between else ""
    yield from wrapped(f"accuracy{images}: mAP {words.fraction(run.scores.mean_average_precision)}{told}")
    if run.band is not None:
        yield from wrapped(run.band.words, indent=4)
    if run.accuracy is None:
        rows = [
            (
                name,
                str(run.scores.boxes.get(name, words.NOT_RECORDED)),
                words.precision(value, run.scores.boxes.get(name)),
            )
            for name, value in run.scores.average_precision.items()
        ]
        yield from table([("class", "objects", "AP"), *rows], indent=4, right=(1, 2))
        yield "    detections are not recorded: no curves, confusions or frames"
        return
    yield from _scores(run.accuracy)


def _scores(one: Accuracy) -> Iterator[str]:
    rows = [("class", "objects", "AP", "95 % of samples", "precision by recall")]
    for each in one.classes:
        rows.append(
            (
                each.name,
                str(each.objects),
                words.precision(each.told, each.objects),
                words.interval(each.low, each.high) or words.CANNOT_TELL,
                sparkline(each.precision, 18, low=0.0, high=1.0) if each.precision else "",
            )
        )
    yield from table(rows, indent=4, right=(1, 2))
    if one.threshold is None:
        yield "    best threshold: cannot tell, nothing was found rightly"
    else:
        yield from wrapped(
            f"best threshold: score {one.threshold:.3f}, with F1 {words.fraction(one.f1)} over all classes",
            indent=4,
        )
        yield from _confusion(one)
        sizes = [(each.name, str(each.objects), str(each.found), str(each.false)) for each in one.sizes]
        yield from table([("objects by size", "there", "found", "false"), *sizes], indent=4, right=(1, 2, 3))
        yield "    frames with the most errors: right, missed, false"
        worst = [
            (each.name, *(str(each.counts[kind]) for kind in ("right", "missed", "false")))
            for each in one.worst
        ]
        yield from table(worst, indent=6, right=(1, 2, 3))
    if one.left_out:
        yield f"    {one.left_out} lines of labels or detections make no sense and are left out"


def _confusion(one: Accuracy) -> Iterator[str]:
    names = [each.name for each in one.classes]
    if len(names) > NUMBERS_FIT:
        yield f"    confusions of {len(names)} classes: on the page"
        return
    heads = [name[:6] for name in (*names, MISSED)]
    rows = [
        (name, *map(str, counts)) for name, counts in zip((*names, NOTHING_THERE), one.confusion, strict=True)
    ]
    yield "    there (rows) and found (columns)"
    yield from table([("", *heads), *rows], indent=6, right=tuple(range(1, len(heads) + 1)))
