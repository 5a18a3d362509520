"""`yolo_v4 compare`: whether files in two folders hold the same; TAO has no such command."""

import argparse
from pathlib import Path
from typing import Any

from yolo_v4.deploy.content import content, first_difference
from yolo_v4.errors import DataError
from yolo_v4.status import StatusLog, reported, status_path


def run(args: argparse.Namespace) -> None:
    """Compare checkpoints, ONNX models and TFRecords by what they hold; the answers are in status.json.

    Of each name, below `kpi`: `same` is true or false, or null where a file cannot be read, and `difference`
    says where they differ first, or why a file cannot be read.
    """
    log = StatusLog(status_path(args.results_dir))
    with reported(log, started="Starting comparison.", failed="Comparison was interrupted."):
        answers = {name: _compared(Path(args.left, name), Path(args.right, name)) for name in args.names}
        for name, answer in answers.items():
            print(f"{name}: {answer['difference'] or 'the same content'}", flush=True)
        log.write("SUCCESS", "Comparison finished successfully.", kpi=answers)


def _compared(left: Path, right: Path) -> dict[str, Any]:
    contents = []
    for side, path in (("left", left), ("right", right)):
        try:
            contents.append(content(path))
        except (DataError, OSError) as error:
            words = str(error).replace(str(path), path.name)  # the answer may be handed on, a path may not
            return {"same": None, "unreadable": side, "difference": words}
    difference = first_difference(*contents)
    return {"same": difference is None, "difference": str(difference or "")}
