"""Average precision against golden vectors made with NVIDIA's evaluator."""

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

from yolo_v4.scoring.average_precision import Truth, judge
from yolo_v4.scoring.nms import Detections

# With this threshold NVIDIA's evaluator takes every missed object for found; ours does not.
TRAP = "hand_conf_zero_trap"


def test_ap_of_every_class_is_nvidias_in_both_modes(golden: Path) -> None:
    for case in json.loads((golden / "ap.json").read_text())["cases"]:
        if case["name"] == TRAP:
            continue
        for iou, expected in case["expected"].items():
            for mode in ("sample", "integrate"):
                where = f"{case['name']} {iou} {mode}"
                found = _average_precision(case, float(iou), mode)
                wanted = expected[f"{mode}_stable_sort"]

                assert found == pytest.approx(wanted["AP"], abs=1e-9), where
                assert np.mean(found) == pytest.approx(wanted["mAP"], abs=1e-9), where
                if case["tied_scores"]:
                    for ap, (low, high) in zip(found, expected[f"{mode}_tie_range"], strict=True):
                        assert low - 1e-9 <= ap <= high + 1e-9, where


def test_a_confidence_threshold_of_zero_finds_no_missed_object(golden: Path) -> None:
    case = next(c for c in json.loads((golden / "ap.json").read_text())["cases"] if c["name"] == TRAP)

    assert case["expected"]["0.5"]["sample"]["mAP"] > 0
    assert np.mean(_average_precision(case, 0.5, "sample")) < case["expected"]["0.5"]["sample"]["mAP"]


def _average_precision(case: dict[str, Any], iou: float, mode: Literal["sample", "integrate"]) -> list[float]:
    truths, found = [], []
    for rows in case["gt"]:
        table = np.array(rows, dtype=np.float64).reshape(-1, 6)
        truths.append(Truth(table[:, 2:], table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)))
    for rows in case["pred"]:
        table = torch.tensor(rows, dtype=torch.float64).reshape(-1, 6)
        found.append(Detections(table[:, 2:], table[:, 1], table[:, 0].long()))
    outcomes = judge(
        truths, found, num_classes=case["n_classes"], matching_iou=iou, confidence_threshold=case["conf_thres"]
    )
    return [outcome.average_precision(mode) for outcome in outcomes]
