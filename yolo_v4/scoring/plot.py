"""The precision-recall curves of an evaluation as a picture."""

from pathlib import Path
from types import ModuleType

from yolo_v4.errors import DetectorError
from yolo_v4.scoring.evaluator import Metrics


def import_pyplot() -> ModuleType:
    """The plotting library, set to draw into files.

    Raises:
        DetectorError: it is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise DetectorError(
            "visualize_pr_curve is on, and matplotlib, which draws the curve, is not installed",
            remedy="pip install matplotlib, or set visualize_pr_curve: False in eval_config",
        ) from error
    mpl.use("Agg")
    from matplotlib import pyplot

    return pyplot


def plot_curves(metrics: Metrics, path: Path) -> None:
    """Draw one curve for each class with objects into a PNG file."""
    pyplot = import_pyplot()
    figure, axes = pyplot.subplots(figsize=(7, 5), layout="constrained")
    for name, outcome in metrics.outcomes.items():
        if outcome.objects:
            recall, precision = outcome.curve()
            axes.plot(recall, precision, label=f"{name} (AP {metrics.ap[name]:.3f})")
    axes.set(title="Precision-Recall curve", xlabel="Recall", ylabel="Precision", xlim=(0, 1), ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left")
    figure.savefig(path, dpi=150)
    pyplot.close(figure)
