"""The picture of how a training went, which a run that trained leaves beside the training log."""

import os

from harness.files import write_bytes
from harness.text import tell
from harness.workspace.layout import Workspace

CURVE = "learning_curve"  # .png and .svg, in `experiment`


def draw_curve(workspace: Workspace) -> None:
    """Draw the curve of what was trained; says why where that cannot be done."""
    # That of a notebook need not be installed here, and would stop the import of matplotlib; none is needed.
    os.environ["MPLBACKEND"] = "agg"
    try:
        from harness.report.learning_curve import curve_plot
    except ImportError as error:
        tell(
            f"no learning curve: {error}; make report installs what is needed, or pip install -e '.[report]'"
        )
        return
    from harness.engine.answers import best_checkpoint
    from harness.report.overview.learning import read_learning

    learning = read_learning(workspace)
    if learning is None:
        tell("no learning curve: the training log has no epoch that can be read")
        return
    pictures = curve_plot(learning, best_checkpoint(workspace.experiment))
    try:
        for kind, content in pictures.items():
            write_bytes(workspace.experiment / f"{CURVE}.{kind}", content)
    except OSError as error:  # the training is done all the same
        tell(f"no learning curve: {error.strerror}: {error.filename}")
