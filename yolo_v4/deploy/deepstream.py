"""Settings for NVIDIA DeepStream beside an exported model, as TAO writes them but for the model key."""

from pathlib import Path

from yolo_v4.spec.experiment import Experiment

LABELS, CONFIG = "labels.txt", "nvinfer_config.txt"


def write_deepstream(folder: Path, experiment: Experiment) -> None:
    """Write `labels.txt`, one class a line, and `nvinfer_config.txt`."""
    (folder / LABELS).write_text("".join(f"{name}\n" for name in experiment.classes), encoding="utf-8")
    (folder / CONFIG).write_text(nvinfer_config(experiment), encoding="utf-8")


def nvinfer_config(experiment: Experiment) -> str:
    """What DeepStream's nvinfer has to know of the input and the number of classes."""
    spec = experiment.augmentation
    lines = {
        "net-scale-factor": "1.0",
        "offsets": ";".join(map(str, spec.mean)),
        "infer-dims": f"{spec.channels};{spec.height};{spec.width}",
        "network-type": "0",
        "num-detected-classes": str(len(experiment.classes)),
        "model-color-format": "1" if spec.channels == 3 else "2",
        "maintain-aspect-ratio": "0",
        "output-tensor-meta": "0",
    }
    return "".join(f"{key}={value}\n" for key, value in lines.items())
