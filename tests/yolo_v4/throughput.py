"""How close training and evaluation come to the network alone: run it on a spec whose data are at hand.

    python tests/yolo_v4/throughput.py -e workspace/experiment/SPEC.txt [--numbers bf16] [--steps 40]

Training: pictures a second of the real loop (augmentation, targets, optimiser, log) over those of the bare
step (forward, loss, backward, optimiser) on one batch already in place. Evaluation: pictures a second from
files to average precision over those of the bare forward. Both take turns, so that a busy machine disturbs
them alike.
"""

import argparse
import itertools
import time
from collections.abc import Callable
from pathlib import Path

import torch

from yolo_v4.data.batches import TrainingBatches, letterboxed
from yolo_v4.data.frames import read_frames
from yolo_v4.flags import NUMBERS
from yolo_v4.network.device import choose_device
from yolo_v4.network.number_format import DTYPES, choose
from yolo_v4.network.pretrained import starting_network
from yolo_v4.scoring.evaluator import evaluate
from yolo_v4.scoring.nms import Detections, detections, predict
from yolo_v4.spec.load import load_experiment
from yolo_v4.training.trainer import Trainer

ROUNDS = 4


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-e", "--experiment_spec", type=Path, required=True)
    parser.add_argument("--numbers", choices=NUMBERS, default="fp32")
    parser.add_argument(
        "--steps", type=int, default=40, help="of training, and batches of evaluation (default 40)"
    )
    args = parser.parse_args()
    device, experiment = choose_device(None), load_experiment(args.experiment_spec)
    network, _ = starting_network(experiment)
    precision = DTYPES[choose(args.numbers, network.to(device), experiment, device).number_format]
    batches = TrainingBatches(read_frames(experiment, "train"), experiment, device=device)
    trainer = Trainer(
        network.to(device), experiment, steps_per_epoch=batches.steps_per_epoch, precision=precision
    )
    _training(trainer, batches, args.steps // ROUNDS, experiment.training.batch_size)
    _evaluation(network, experiment, args.steps)


def _training(trainer: Trainer, batches: TrainingBatches, steps: int, batch_size: int) -> None:
    in_place = next(iter(batches.epoch(0)))
    for _ in batches.epoch(0):  # decodes every picture, which later epochs need not
        pass
    trainer.network.train()
    trainer.step(in_place, 0)
    endless = itertools.chain.from_iterable(map(batches.epoch, itertools.count()))
    losses = trainer.losses(endless)
    next(losses)
    bare_s = real_s = 0.0
    for _ in range(ROUNDS):
        bare_s += _seconds(lambda: [trainer.step(in_place, 1) for _ in range(steps)][-1].item())
        real_s += _seconds(lambda: [next(losses) for _ in range(steps)])
    _report("training", "bare step", batch_size * steps * ROUNDS, real_s, bare_s)


def _evaluation(network, experiment, batches: int) -> None:
    network.eval()
    size = experiment.evaluation.batch_size
    frames = (read_frames(experiment, "validation") * (batches * size))[: batches * size]
    pixels, _ = letterboxed(frames[:size], experiment)
    predict(network, pixels, experiment)
    bare_s = real_s = 0.0
    step = max(1, batches // ROUNDS)

    def find(batch: torch.Tensor, _: object) -> list[Detections]:
        return detections(predict(network, batch, experiment), experiment.nms)

    for first in range(0, len(frames), size * step):
        part = frames[first : first + size * step]
        bare_s += _seconds(lambda: [predict(network, pixels, experiment).sum().item() for _ in range(step)])
        real_s += _seconds(lambda part=part: evaluate(find, part, experiment))
    _report("evaluation", "bare forward", len(frames), real_s, bare_s)


def _seconds(work: Callable[[], object]) -> float:
    started_s = time.perf_counter()
    work()
    return time.perf_counter() - started_s


def _report(name: str, bare: str, images: int, real_s: float, bare_s: float) -> None:
    rates = f"{images / real_s:.2f} images/s, {bare} {images / bare_s:.2f} images/s"
    print(f"{name}: {rates}, ratio {bare_s / real_s:.3f}", flush=True)


if __name__ == "__main__":
    main()
