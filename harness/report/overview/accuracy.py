"""What a model is worth on the test frames: curves, AP with intervals, confusions, sizes, the worst frames.

Intervals are percentiles of AP over samples of the frames, drawn with replacement (Efron, Bootstrap
methods, Annals of Statistics 1979): they tell how far other frames of the same kind would change the
figure, and nothing of another training.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.data.overlap import Box
from harness.measure.stats import CONFIDENCE
from harness.report.overview.found import Found, Told
from harness.report.overview.matching import NOTHING, Floats, Judged, average_precision, judge

SAMPLES, SEED = 400, 0
MOST_CELLS = 8_000_000  # of samples times detections: of more detections fewer samples are drawn
LEAST_SAMPLES = 40
MOST_POINTS = 60  # of a curve
MOST_FRAMES = 12
# Areas in pixels by which COCO tells sizes (Lin et al., Microsoft COCO, ECCV 2014).
SIZES = (
    ("small (under 32² px)", 0.0, 32.0**2),
    ("medium", 32.0**2, 96.0**2),
    ("large (96² px or more)", 96.0**2, math.inf),
)
MISSED, NOTHING_THERE = "missed", "nothing there"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassScore:
    """One class; `told` is what `eval` wrote, and the interval is around what its detections give."""

    name: str
    objects: int
    told: float | None
    low: float | None
    high: float | None
    recall: tuple[float, ...]
    precision: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SizeScore:
    """Objects of one size, and what of them and for them was found at the best threshold."""

    name: str
    objects: int
    found: int
    false: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DrawnBox:
    """A box on a frame: right, missed or false."""

    kind: str
    name: str
    box: Box
    score: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameScore:
    """A test frame with its boxes at the best threshold."""

    name: str
    boxes: tuple[DrawnBox, ...]

    @property
    def counts(self) -> Counter[str]:
        """How many boxes there are of each kind."""
        return Counter(one.kind for one in self.boxes)

    @property
    def errors(self) -> int:
        """Missed and false boxes."""
        return len(self.boxes) - self.counts["right"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Accuracy:
    """All of it; confusions, sizes and frames are at `threshold`, the score of the best F1 of all classes."""

    frames: int
    iou_threshold: float
    samples: int
    low: float | None  # bounds of the mean over classes that have objects
    high: float | None
    threshold: float | None
    f1: float | None
    classes: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]  # [true class or nothing, found class or missed]
    sizes: tuple[SizeScore, ...]
    worst: tuple[FrameScore, ...]
    left_out: int


def accuracy(found: Found, told: Told | None) -> Accuracy:
    """The figures of detections, with the AP that `eval` told where it did."""
    seen = dict.fromkeys(
        [*(told.average_precision if told else ()), *sorted({one.name for one in found.objects})]
    )
    names = [*seen, *sorted({one.name for one in found.detections} - set(seen))]
    judged, draws = judge(found), _draws(found)
    sampled = {name: _sampled(name, found, judged, draws) for name in names}
    low, high = _bounds(_mean([values for values in sampled.values() if values is not None]))
    threshold, f1 = _best_threshold(found, judged)
    at_best = math.inf if threshold is None else threshold
    return Accuracy(
        frames=len(found.frames),
        iou_threshold=found.iou_threshold,
        samples=len(draws),
        low=low,
        high=high,
        threshold=threshold,
        f1=f1,
        classes=tuple(_class_score(name, found, judged, sampled[name], told) for name in names),
        confusion=_confusion(names, found, at_best),
        sizes=_sizes(found, judged, at_best),
        worst=_worst(found, judged, at_best),
        left_out=found.left_out,
    )


def _draws(found: Found) -> Floats:
    """[R, F]: how often each frame is in each sample."""
    frames = len(found.frames)
    count = max(min(SAMPLES, MOST_CELLS // max(len(found.detections), 1)), LEAST_SAMPLES)
    if not frames:
        return np.zeros((count, 0))
    generator = np.random.default_rng(SEED)
    return generator.multinomial(frames, np.full(frames, 1 / frames), size=count).astype(np.float64)


def _own(name: str, found: Found) -> list[int]:
    """The places of the detections of a class, best first."""
    own = [place for place, one in enumerate(found.detections) if one.name == name]
    return sorted(own, key=lambda place: -found.detections[place].score)


def _sampled(name: str, found: Found, judged: Judged, draws: Floats) -> Floats | None:
    """AP of a class in each sample of frames; None where it has no object."""
    own = _own(name, found)
    frames = [one.frame for one in found.objects if one.name == name]
    if not frames:
        return None
    objects = draws @ np.bincount(frames, minlength=len(found.frames))
    if not own:
        return np.where(objects > 0, 0.0, np.nan)
    weights = draws[:, [found.detections[place].frame for place in own]]
    return average_precision(judged.is_right[own], weights, objects, is_integrated=found.is_integrated)


def _mean(of_classes: Sequence[Floats]) -> Floats | None:
    """The mean over classes in each sample in which all of them have objects."""
    return np.mean(of_classes, axis=0) if of_classes else None


def _bounds(values: Floats | None) -> tuple[float | None, float | None]:
    """Percentiles between which CONFIDENCE of the samples lie; None where too few have a value."""
    known = np.array([]) if values is None else values[np.isfinite(values)]
    if len(known) < LEAST_SAMPLES:
        return None, None
    tail_pct = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(known, (tail_pct, 100 - tail_pct))
    return float(low), float(high)


def _class_score(
    name: str, found: Found, judged: Judged, sampled: Floats | None, told: Told | None
) -> ClassScore:
    own = _own(name, found)
    count = sum(one.name == name for one in found.objects)
    low, high = _bounds(sampled)
    right = np.cumsum(judged.is_right[own])
    kept = _thinned(len(own)) if count else []
    return ClassScore(
        name=name,
        objects=count,
        told=told.average_precision.get(name) if told else None,
        low=low,
        high=high,
        recall=tuple(float(right[place] / count) for place in kept),
        precision=tuple(float(right[place] / (place + 1)) for place in kept),
    )


def _thinned(count: int) -> list[int]:
    """Places of the points of a curve that are drawn, the last among them."""
    return (
        sorted({round(place) for place in np.linspace(0, count - 1, min(count, MOST_POINTS))})
        if count
        else []
    )


def _best_threshold(found: Found, judged: Judged) -> tuple[float | None, float | None]:
    """The score from which on detections give the best F1 over all classes, and that F1."""
    if not found.detections or not found.objects or not judged.is_right.any():
        return None, None
    scores = np.array([one.score for one in found.detections])
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(judged.is_right[order])
    f1 = 2 * right / (np.arange(1, len(order) + 1) + len(found.objects))
    is_last = np.append(np.diff(scores[order]) != 0, True)  # of equal scores all count, or none
    best = int(np.where(is_last, f1, -1.0).argmax())
    return float(scores[order][best]), float(f1[best])


def _confusion(names: Sequence[str], found: Found, threshold: float) -> tuple[tuple[int, ...], ...]:
    """Rows: what is there, and last nothing; columns: what was found, and last that it was missed."""
    places = {name: place for place, name in enumerate(names)}
    table: NDArray[np.int64] = np.zeros((len(names) + 1, len(names) + 1), dtype=np.int64)
    taken = judge(found, by_class=False, least_score=threshold).taken
    for one, place in zip(found.detections, taken.tolist(), strict=True):
        if one.score >= threshold:
            row = len(names) if place == NOTHING else places[found.objects[place].name]
            table[row, places[one.name]] += 1
    hit = {place for place in taken.tolist() if place != NOTHING}
    for place, one in enumerate(found.objects):
        table[places[one.name], len(names)] += place not in hit
    return tuple(tuple(row) for row in table.tolist())


def _sizes(found: Found, judged: Judged, threshold: float) -> tuple[SizeScore, ...]:
    at_best = [
        (one, place)
        for one, place in zip(found.detections, judged.taken.tolist(), strict=True)
        if one.score >= threshold
    ]
    hit = {place for _, place in at_best if place != NOTHING}
    return tuple(
        SizeScore(
            name=name,
            objects=sum(low <= _area(one.box) < high for one in found.objects),
            found=sum(low <= _area(found.objects[place].box) < high for place in hit),
            false=sum(place == NOTHING and low <= _area(one.box) < high for one, place in at_best),
        )
        for name, low, high in SIZES
    )


def _area(box: Box) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def _worst(found: Found, judged: Judged, threshold: float) -> tuple[FrameScore, ...]:
    """The frames with the most missed and false boxes, the worst first."""
    boxes: list[list[DrawnBox]] = [[] for _ in found.frames]
    hit: set[int] = set()
    for one, place in zip(found.detections, judged.taken.tolist(), strict=True):
        if one.score >= threshold:
            hit.add(place)
            kind = "false" if place == NOTHING else "right"
            boxes[one.frame].append(DrawnBox(kind=kind, name=one.name, box=one.box, score=one.score))
    for place, one in enumerate(found.objects):
        if place not in hit:
            boxes[one.frame].append(DrawnBox(kind="missed", name=one.name, box=one.box, score=None))
    frames = [FrameScore(name=name, boxes=tuple(of)) for name, of in zip(found.frames, boxes, strict=True)]
    return tuple(sorted(frames, key=lambda one: (-one.errors, one.name))[:MOST_FRAMES])
