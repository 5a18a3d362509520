"""Steps of training in float32 and in a narrower format, and what `auto` takes: `number_formats.py [ROUNDS]`.

For the specs of the recipes sample, photographs and jamcam: whole steps (forward, loss, backward, optimiser)
on one batch of noise with objects, at the size and batch of the recipe, in both formats in turns. On a busy
machine processor time tells more than the clock, and most of all with OMP_NUM_THREADS=1: threads that wait
for each other count as work.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from string import Template
from typing import NamedTuple

import numpy as np
import torch

from harness.settings.declared import SPECS
from harness.settings.recipe import Recipe, load_recipe
from yolo_v4.data.batches import Batch, encode
from yolo_v4.data.targets import TrueBoxes
from yolo_v4.network.device import choose_device, formats, processor
from yolo_v4.network.number_format import DTYPES, choose
from yolo_v4.network.pretrained import starting_network
from yolo_v4.spec.experiment import Experiment
from yolo_v4.spec.load import load_experiment
from yolo_v4.training.gpu_choices import choose_convolutions
from yolo_v4.training.trainer import Trainer

RECIPES = ("sample", "photographs", "jamcam")
OBJECTS = 6  # on each picture
BLANKS = {
    "anchors_big": "[(114.94, 60.67), (159.06, 114.59), (297.59, 176.38)]",
    "anchors_mid": "[(42.99, 31.91), (79.57, 31.75), (56.80, 56.93)]",
    "anchors_small": "[(15.60, 13.88), (30.25, 20.25), (20.67, 49.63)]",
    **{"workspace": ".", "validation": "val", "starting_point": ""},
}


class Took(NamedTuple):
    """Seconds of one step."""

    wall_s: float
    cpu_s: float


def experiment_of(recipe: Recipe) -> Experiment:
    """The recipe's spec with its blanks filled in; no data are needed."""
    names = ("epochs", "batch", "checkpoint_interval", "seed")
    own = {**BLANKS, **{name: str(getattr(recipe, name)) for name in names}}
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder, recipe.spec)
        spec.write_text(Template((SPECS / recipe.spec).read_text()).substitute(own))
        return load_experiment(spec)


def batch_of(experiment: Experiment) -> Batch:
    """Noise, and boxes anywhere in it."""
    random, shape = np.random.default_rng(0), experiment.augmentation
    count = experiment.training.batch_size
    corners = random.uniform(0, 1, (count, OBJECTS, 2, 2))
    boxes = np.concatenate([corners.min(2), corners.max(2)], axis=2).astype(np.float32)
    classes = random.integers(0, len(experiment.classes), (count, OBJECTS))
    pixels = random.uniform(-128, 128, (count, shape.channels, shape.height, shape.width))
    target = encode(TrueBoxes.of([*boxes], [*classes]), experiment, experiment.dataset.train)
    return Batch(torch.from_numpy(pixels.astype(np.float32)), target)


def timed(trainer: Trainer, batch: Batch) -> Took:
    """One step, until its loss is known."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    trainer.step(batch, 0).item()
    return Took(time.perf_counter() - wall_s, time.process_time() - cpu_s)


def main() -> None:
    """Measure in turns, and print medians, and the ratio of what auto chooses to float32."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rounds", type=int, nargs="?", default=10)
    args = parser.parse_args()
    device = choose_device(None)
    print(f"{processor(device)}; torch {torch.__version__}, {torch.get_num_threads()} threads", flush=True)
    for recipe in map(load_recipe, RECIPES):
        experiment = experiment_of(recipe)
        batch, trainers = batch_of(experiment), {}
        choose_convolutions(experiment.augmentation)
        for name in [*formats(device)][:2]:
            network, _ = starting_network(experiment)
            own = network.to(device).train()
            trainers[name] = Trainer(own, experiment, steps_per_epoch=1000, precision=DTYPES[name])
            timed(trainers[name], batch)
        chosen = choose("auto", network, experiment, device, say=print)
        took: dict[str, list[Took]] = {name: [] for name in trainers}
        for _ in range(args.rounds):
            for name, trainer in trainers.items():
                took[name].append(timed(trainer, batch))
        for field in Took._fields:
            medians = {n: statistics.median(getattr(one, field) for one in took[n]) for n in took}
            ratio = medians[chosen.number_format] / medians["fp32"]
            told = ", ".join(f"{name} {1000 * each:.0f} ms" for name, each in medians.items())
            print(f"{recipe.name}, {field}: {told}; chosen over fp32 {ratio:.3f}", flush=True)
        print(f"{recipe.name}: {chosen.words}", flush=True)


if __name__ == "__main__":
    main()
