"""Which number format the convolutions of a training compute in: the one asked for, or the faster one.

`auto` measures passes of the network itself, forward and backward, in float32 and in the narrower format
that the device has, in turns; float32 wins unless the other one takes less than 0.95 of its time. What was
measured is kept, so that one machine gives one answer, however noisy its clock.
"""

import copy
import os
import statistics
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from yolo_v4.errors import TrainingFailed
from yolo_v4.network import kept_choices
from yolo_v4.network.device import ISA_LIMIT, SHORT_NAMES, formats, processor
from yolo_v4.network.kept_choices import KeptChoice, Key, faster
from yolo_v4.network.yolo import Yolo
from yolo_v4.spec.experiment import Experiment

AUTO = "auto"
DTYPES = {name: dtype for dtype, name in SHORT_NAMES.items()}
ROUNDS = 5  # of which the medians count; one before them prepares kernels
CPU_PICTURES = 2  # of a measured pass: batch normalisation needs more than one value of each channel
Clock = Callable[[], float]  # seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A number format, and in words why it is that one; the words name no path."""

    number_format: str  # fp32, bf16 or fp16
    words: str


def choose(
    asked: str,
    network: Yolo,
    experiment: Experiment,
    device: torch.device,
    *,
    begun_in: str = "",
    say: Callable[[str], None] = lambda _: None,
    clock: Clock | None = None,
) -> Choice:
    """The number format that `network`, which lies on `device`, is trained in.

    Args:
        asked: fp32, bf16, fp16 or auto.
        begun_in: the format of the run that is resumed, "" where there is none or it is not known; `auto`
            keeps to it.
        say: receives what happened to the file of kept choices.
        clock: seconds; None for the device's own, see `measured`.

    Raises TrainingFailed: the device does not compute in the format that was asked for.
    """
    there = formats(device)
    if asked != AUTO:
        return _as_asked(asked, there, device, begun_in)
    if begun_in in there:
        return Choice(number_format=begun_in, words=f"auto: {begun_in}, in which the run began")
    lost = f"; the run began in {begun_in}, in which {_short(device)} does not compute" if begun_in else ""
    names = [*there][:2]  # of two narrow formats the first one needs no scaled loss
    if len(names) == 1:
        return Choice(
            number_format=names[0], words=f"auto: {names[0]}, as {_short(device)} has no other{lost}"
        )
    tried = {name: there[name] for name in names}
    choice = _measured_once(tried, network, experiment, device, say, clock)
    return Choice(number_format=choice.number_format, words=choice.words + lost)


def _as_asked(asked: str, there: Collection[str], device: torch.device, begun_in: str) -> Choice:
    if asked not in there:
        raise TrainingFailed(
            f"{asked} was asked for, and {_short(device)} computes in {' or '.join(there)} only",
            remedy="ask for auto (--numbers auto), or for one of these",
        )
    other = f"; the run began in {begun_in}" if begun_in not in ("", asked) else ""
    return Choice(number_format=asked, words=f"{asked}, as asked for{other}")


def _measured_once(
    tried: Mapping[str, torch.dtype],
    network: Yolo,
    experiment: Experiment,
    device: torch.device,
    say: Callable[[str], None],
    clock: Clock | None,
) -> Choice:
    key = {"formats": [*tried], **key_of(network, experiment, device)}
    try:
        kept = kept_choices.read(key)
    except (OSError, ValueError) as error:
        say(f"the number format that was chosen before cannot be read ({error}), and is measured anew")
        kept = None
    if kept:
        return _told(kept, device, f"measured {kept.measured_utc[:10]}")
    try:
        seconds = measured(tried, network, experiment, device, clock=clock)
    except torch.cuda.OutOfMemoryError:  # depends on what else is in it just now: not kept
        narrow = [*tried][-1]
        return Choice(number_format=narrow, words=f"auto: {narrow}, as fp32 does not fit into the memory")
    chosen = faster(seconds)
    if chosen is None:
        return Choice(number_format="fp32", words=f"auto: fp32, as the clock tells nothing ({seconds})")
    choice = KeptChoice(seconds=seconds, chosen=chosen, measured_utc=kept_choices.now_utc())
    try:
        kept = kept_choices.keep(key, choice)
    except OSError as error:
        say(f"the number format that was chosen cannot be kept ({error}): the next training measures again")
        kept = choice
    return _told(kept, device, "measured now" if kept == choice else "measured by another process meanwhile")


def measured(
    tried: Mapping[str, torch.dtype],
    network: Yolo,
    experiment: Experiment,
    device: torch.device,
    *,
    clock: Clock | None = None,
    rounds: int = ROUNDS,
) -> dict[str, float]:
    """Seconds of a pass of `network` in each format, forward and backward, medians of rounds in turns.

    On a GPU a pass has a batch of pictures, and its time is that until it has finished. On a CPU it has two
    pictures and one thread, of which it takes processor time: that hardly depends on what else the machine
    does, while several threads wait for each other, and waiting counts as work.
    The network is copied, and no random number of a training is used up.
    """
    shape, trial = experiment.augmentation, copy.deepcopy(network).train()
    size = (pictures_of(experiment, device), shape.channels, shape.height, shape.width)
    pixels = (torch.rand(size, generator=torch.Generator().manual_seed(0)) * 255 - 128).to(device)
    own_clock = clock or (_gpu_clock(device) if device.type == "cuda" else time.thread_time)
    times: dict[str, list[float]] = {name: [] for name in tried}
    with _one_thread(device):
        for _ in range(1 + rounds):
            for name, dtype in tried.items():
                times[name].append(_pass_s(trial, pixels, dtype, own_clock))
    return {name: statistics.median(each[1:]) for name, each in times.items()}


def pictures_of(experiment: Experiment, device: torch.device) -> int:
    """How many pictures a measured pass has."""
    return experiment.training.batch_size if device.type == "cuda" else CPU_PICTURES


def key_of(network: Yolo, experiment: Experiment, device: torch.device) -> Key:
    """What decides which format is faster: the processor, the build of PyTorch, and the network."""
    spec, shape = experiment.network, experiment.augmentation
    return {
        "processor": processor(device),
        "torch": str(torch.__version__),
        "isa_limit": os.environ.get(ISA_LIMIT, ""),
        "cudnn": torch.backends.cudnn.version() if device.type == "cuda" else None,
        "network": f"{spec.arch}{spec.layers}, {spec.conv_blocks} blocks, release {network.release}",
        "force_relu": spec.force_relu,
        "frozen": [*map(str, spec.freeze_blocks), *(["bn"] if spec.freeze_bn else [])],
        "classes": len(experiment.classes),
        "size": f"{shape.width}x{shape.height}x{shape.channels}",
        "pictures": pictures_of(experiment, device),
    }


def _pass_s(network: Yolo, pixels: torch.Tensor, dtype: torch.dtype, clock: Clock) -> float:
    started_s = clock()
    with torch.autocast(pixels.device.type, dtype, enabled=dtype is not torch.float32):
        heads = network(pixels)
    torch.stack([head.float().square().mean() for head in heads]).sum().backward()
    network.zero_grad()
    return clock() - started_s


def _gpu_clock(device: torch.device) -> Clock:
    def now_s() -> float:
        torch.cuda.synchronize(device)
        return time.perf_counter()

    return now_s


@contextmanager
def _one_thread(device: torch.device) -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if device.type == "cpu" else threads)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _told(kept: KeptChoice, device: torch.device, when: str) -> Choice:
    times = ", ".join(f"{name} {each:.4f} s" for name, each in kept.seconds.items())
    narrow = next(name for name in kept.seconds if name != "fp32")
    ratio = kept.seconds[narrow] / kept.seconds["fp32"]
    what = "a pass" if device.type == "cuda" else "a pass of one core"
    words = f"auto: {kept.chosen}; {what} takes {times}, ratio {ratio:.2f}, {when}"
    return Choice(number_format=kept.chosen, words=words)


def _short(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "this processor"
