"""`yolo_v4 check_spec`: what is wrong with a spec, told without running anything; TAO has no such command."""

import argparse
import re
from pathlib import Path

from yolo_v4.errors import SpecError
from yolo_v4.spec.conversion import load_conversion
from yolo_v4.spec.load import load_experiment
from yolo_v4.spec.text import line_of, read_text
from yolo_v4.spec.training_checks import check_training

_PLACE = re.compile(r"(?P<line>\d+):\d+ : ")  # with which messages of the parser start


def run(args: argparse.Namespace) -> None:
    """Check one spec; nothing that it names is opened.

    Raises SpecError: the spec is refused; the message names the file, and the line where one can be named.
    """
    path = Path(args.experiment_spec or args.dataset_export_spec)
    extended: tuple[str, ...] = ()
    try:
        if args.experiment_spec:
            experiment = load_experiment(path)
            check_training(experiment)
            extended = experiment.extended
        else:
            load_conversion(path)
    except SpecError as error:
        raise _placed(error, path) from error
    print(f"{path}: nothing is wrong with it")
    if extended:
        print(f"{path}: extension ({', '.join(extended)}) is ours: NVIDIA's program would refuse this spec")


def _placed(error: SpecError, path: Path) -> SpecError:
    """The error with file and line in front of it, in the form that editors know."""
    message = error.message.removesuffix(f" (in {path})")
    place = _PLACE.match(message)
    if place:
        line, message = int(place["line"]), message[place.end() :]
    else:
        line = line_of(message, read_text(path)) if path.is_file() else 0
    where = f"{path}:{line}" if line else str(path)
    return SpecError(f"{where}: {message}", remedy=error.remedy)
