"""Whether two networks say the same of the same frames, within a tolerance.

Read are `experiment/detections.jsonl`, which `eval` leaves of all test and validation frames, or, where one
side has none, the labels of `vis`. Each detection must have a partner on the other side: of the same class on
the same frame, that overlaps it (IoU) by LEAST_IOU or more, with a score that differs by MOST_SCORE at most.
Detections under LEAST_SCORE are noise that comes and goes; partners may have any score, so that none is lost
at that edge.
"""

import json
import math
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from harness.data.overlap import Box, corners, iou
from harness.reproduce.content import Answer
from harness.stages.eval import DETECTIONS
from harness.text import one_line
from harness.verdict import Verdict

LABELS = "experiment/visualisations/labels"
LEAST_SCORE, MOST_SCORE, LEAST_IOU = 0.05, 0.01, 0.98


class Detection(NamedTuple):
    """Where, and the score, 0 to 1."""

    box: Box
    score: float


Found = Mapping[tuple[str, str], list[Detection]]  # (frame, class) -> detections


def compare_outputs(there: Path, here: Path) -> Answer:
    """The verdict on what two networks, whose products lie in two workspaces, found in frames."""
    why = "neither side has detections"
    for product, read in ((DETECTIONS, _of_file), (LABELS, _of_folder)):
        if not ((there / product).exists() and (here / product).exists()):
            continue
        try:
            return compare_detections(read(there / product), read(here / product))
        except (ValueError, LookupError, TypeError, OSError, RecursionError) as error:
            why = f"{product} cannot be read: {type(error).__name__}"
    return Answer(same=Verdict.CANNOT_TELL, difference=why)


def compare_detections(there: Found, here: Found) -> Answer:
    """Yes where each detection has its partner on the other side; else no, with the first that has none."""
    counted, missing = 0, []
    for side, ours, theirs in (("there", there, here), ("here", here, there)):
        for key, detections in sorted(ours.items()):
            for detection in detections:
                if detection.score >= LEAST_SCORE:
                    counted += 1
                    if not _has_partner(detection, theirs.get(key, [])):
                        missing.append((side, key, detection))
    if not counted:
        words = f"neither side found anything with a score of {LEAST_SCORE} or more"
        return Answer(same=Verdict.CANNOT_TELL, difference=words)
    if not missing:
        return Answer(same=Verdict.YES, difference=f"{counted} detections of both sides agree")
    side, (frame, name), detection = missing[0]
    return Answer(
        same=Verdict.NO,
        difference=f"{len(missing)} of {counted} detections have no partner; the first: {one_line(name)} "
        f"with score {detection.score:.3f} on {one_line(frame)}, found {side} only",
    )


def _has_partner(one: Detection, others: list[Detection]) -> bool:
    alike = [other.box for other in others if abs(one.score - other.score) <= MOST_SCORE]
    # The same box is the same, also one without area, which overlaps nothing.
    return one.box in alike or bool((iou(one.box, corners(alike)) >= LEAST_IOU).any())


def _of_file(path: Path) -> Found:
    found: dict[tuple[str, str], list[Detection]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        frame = f"{row.get('split', '')} {row['frame']}".strip()
        found[frame, row["class"]].append(_detection(row["box"], row["score"]))
    return found


def _of_folder(path: Path) -> Found:
    """Labels as `inference` writes them: KITTI's columns, and the score as the last one."""
    found: dict[tuple[str, str], list[Detection]] = defaultdict(list)
    for file in sorted(path.glob("*.txt")):
        for line in file.read_text().splitlines():
            words = line.split()
            found[file.stem, words[0]].append(_detection(words[4:8], words[15]))
    return found


def _detection(box: Any, score: Any) -> Detection:
    x1, y1, x2, y2 = map(float, box)
    values = (x1, y1, x2, y2, float(score))
    if not all(map(math.isfinite, values)):
        raise ValueError("a number that is not finite")
    return Detection((x1, y1, x2, y2), float(score))
