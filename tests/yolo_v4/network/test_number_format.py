"""Which number format `auto` chooses, by clocks whose times are known, and when it measures at all."""

import math
import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from yolo_v4.errors import TrainingFailed
from yolo_v4.network import number_format
from yolo_v4.network.device import formats
from yolo_v4.network.kept_choices import faster
from yolo_v4.network.number_format import AUTO, ROUNDS, Choice, choose, measured
from yolo_v4.network.yolo import Yolo, build_network

CPU = torch.device("cpu")
PASSES = 2 * (1 + ROUNDS)  # of both formats


@pytest.fixture
def experiment(network_spec: Callable[..., Any], augmentation: Callable[..., Any]) -> Any:
    """What of an experiment the choice depends on; the network is the smallest there is."""
    return SimpleNamespace(
        network=network_spec(conv_blocks=0),
        augmentation=augmentation(width=32, height=32),
        training=SimpleNamespace(batch_size=4),
        classes=("bus", "car"),
    )


@pytest.fixture
def network(experiment: Any) -> Yolo:
    torch.manual_seed(0)
    return build_network(experiment.network, num_classes=2, channels=3)


@pytest.fixture(autouse=True)
def both_formats(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clocks are made up, so the tests say the same on a processor that only emulates bfloat16."""
    there = {"fp32": torch.float32, "bf16": torch.bfloat16}
    monkeypatch.setattr(number_format, "formats", lambda device: there)


class Clock:
    """Counts how often it was looked at; of each two looks the second one is later by the next duration."""

    def __init__(self, durations_s: Iterator[float]) -> None:
        self.durations_s, self.now_s, self.looks = durations_s, 0.0, 0

    def __call__(self) -> float:
        self.looks += 1
        if self.looks % 2 == 0:
            self.now_s += next(self.durations_s)
        return self.now_s


def steady(fp32_s: float, bf16_s: float) -> Clock:
    """Passes take turns, and float32 is first."""
    return Clock(iter([fp32_s, bf16_s] * (1 + ROUNDS)))


def auto(network: Yolo, experiment: Any, clock: Clock, **more: Any) -> Choice:
    return choose(AUTO, network, experiment, CPU, clock=clock, **more)


@pytest.mark.parametrize(
    ("fp32_s", "bf16_s", "expected"),
    [
        (0.557, 0.784, "fp32"),  # as measured on an Intel CPU with avx512_bf16
        (1.0, 0.55, "bf16"),
        (1.0, 0.96, "fp32"),  # within five per cent
        (1.0, 0.94, "bf16"),
        (1.0, 1.0, "fp32"),
    ],
)
def test_the_faster_format_is_chosen_and_within_five_per_cent_fp32(
    network, experiment, fp32_s: float, bf16_s: float, expected: str
) -> None:
    choice = auto(network, experiment, clock := steady(fp32_s, bf16_s))

    assert choice.number_format == expected
    assert clock.looks == 2 * PASSES
    assert (
        f"auto: {expected}; a pass of one core takes fp32 {fp32_s:.4f} s, bf16 {bf16_s:.4f} s" in choice.words
    )
    assert choice.words.endswith(f"ratio {bf16_s / fp32_s:.2f}, measured now")


def test_a_disturbance_of_some_rounds_does_not_decide(network, experiment) -> None:
    """Of five rounds the medians count: two of them, and the first one that prepares, may be anything."""
    rounds = [(9.0, 99.0), (1.0, 50.0), (0.9, 0.5), (1.1, 0.6), (1.0, 40.0), (1.0, 0.6)]
    clock = Clock(iter([each for pair in rounds for each in pair]))

    assert auto(network, experiment, clock).number_format == "bf16"


@pytest.mark.parametrize("bad_s", [math.nan, 0.0, -1.0, math.inf])
def test_a_clock_that_tells_nothing_chooses_fp32_and_nothing_is_kept(
    network, experiment, cache: Path, bad_s: float
) -> None:
    assert faster({"fp32": 1.0, "bf16": bad_s}) is None
    assert faster({"fp32": bad_s, "bf16": 1.0}) is None

    choice = auto(network, experiment, steady(bad_s, bad_s))

    assert choice.number_format == "fp32"
    assert choice.words.startswith("auto: fp32, as the clock tells nothing")
    assert not cache.exists()


def test_a_noisy_clock_never_decides_twice(network, experiment) -> None:
    first = auto(network, experiment, steady(1.0, 0.6))
    noise = random.Random(0)

    for _ in range(5):
        clock = Clock(iter([noise.uniform(0.1, 9.0) for _ in range(PASSES)]))
        again = auto(network, experiment, clock)
        assert (again.number_format, clock.looks) == (first.number_format, 0)
        assert "fp32 1.0000 s, bf16 0.6000 s, ratio 0.60, measured 20" in again.words


@pytest.mark.parametrize(
    "change",
    [
        lambda monkeypatch: monkeypatch.setattr(torch, "__version__", "9.9.9+cpu"),
        lambda monkeypatch: monkeypatch.setattr(number_format, "processor", lambda device: "another"),
        lambda monkeypatch: monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE"),
    ],
    ids=["torch", "processor", "oneDNN"],
)
def test_another_build_or_processor_is_measured_for_itself(network, experiment, monkeypatch, change) -> None:
    assert auto(network, experiment, steady(1.0, 0.6)).number_format == "bf16"

    change(monkeypatch)

    assert auto(network, experiment, steady(1.0, 1.6)).number_format == "fp32"


def test_the_number_of_threads_and_the_batch_of_a_cpu_ask_for_no_new_measurement(network, experiment) -> None:
    auto(network, experiment, steady(1.0, 0.6))
    threads = torch.get_num_threads()
    experiment.training.batch_size = 16
    try:
        torch.set_num_threads(threads + 1)
        assert auto(network, experiment, steady(1.0, 1.6)).number_format == "bf16"
    finally:
        torch.set_num_threads(threads)


def test_a_damaged_file_is_measured_anew_with_a_word(network, experiment, cache: Path) -> None:
    auto(network, experiment, steady(1.0, 0.6))
    (path,) = cache.iterdir()
    path.write_text("{")
    told: list[str] = []

    assert auto(network, experiment, steady(1.0, 1.6), say=told.append).number_format == "fp32"

    (line,) = told
    assert line.startswith("the number format that was chosen before cannot be read (")
    assert line.endswith("), and is measured anew")
    assert auto(network, experiment, steady(1.0, 0.6)).number_format == "fp32"


def test_where_it_cannot_be_kept_each_training_measures_and_says_so(
    network, experiment, tmp_path: Path, monkeypatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    told: list[str] = []

    first = auto(network, experiment, steady(1.0, 0.6), say=told.append)
    second = auto(network, experiment, steady(1.0, 1.6), say=told.append)

    assert (first.number_format, second.number_format) == ("bf16", "fp32")
    assert sum("cannot be kept" in line for line in told) == 2
    assert str(tmp_path) not in first.words


@pytest.mark.parametrize("begun_in", ["fp32", "bf16"])
def test_a_run_goes_on_in_the_format_it_began_in_whatever_is_kept(network, experiment, begun_in: str) -> None:
    other = {"fp32": steady(1.0, 0.6), "bf16": steady(1.0, 1.6)}[begun_in]
    assert auto(network, experiment, other).number_format != begun_in

    choice = auto(network, experiment, Clock(iter(())), begun_in=begun_in)

    assert choice == Choice(number_format=begun_in, words=f"auto: {begun_in}, in which the run began")


def test_a_run_that_began_in_a_format_that_is_not_here_is_measured_and_told(network, experiment) -> None:
    choice = auto(network, experiment, steady(1.0, 0.6), begun_in="fp16")

    assert choice.number_format == "bf16"
    assert choice.words.endswith("; the run began in fp16, in which this processor does not compute")


def test_what_is_asked_for_is_taken_and_a_change_on_the_way_is_told(network, experiment) -> None:
    clock = Clock(iter(()))

    asked = choose("bf16", network, experiment, CPU, clock=clock, begun_in="fp32")

    assert asked == Choice(number_format="bf16", words="bf16, as asked for; the run began in fp32")
    assert choose("fp32", network, experiment, CPU, clock=clock).words == "fp32, as asked for"
    with pytest.raises(TrainingFailed, match=r"fp16 was asked for, and .* computes in fp32 or bf16"):
        choose("fp16", network, experiment, CPU, clock=clock)


def test_where_there_is_one_format_nothing_is_measured(network, experiment, monkeypatch, cache: Path) -> None:
    monkeypatch.setattr(number_format, "formats", lambda device: {"fp32": torch.float32})

    choice = auto(network, experiment, Clock(iter(())))

    assert choice == Choice(number_format="fp32", words="auto: fp32, as this processor has no other")
    assert not cache.exists()


def test_measuring_changes_neither_network_nor_random_numbers_nor_threads(network, experiment) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.eval()
    state, threads = torch.get_rng_state(), torch.get_num_threads()

    seconds = measured({"fp32": torch.float32, "bf16": torch.bfloat16}, network, experiment, CPU, rounds=1)

    assert all(0 < each < 60 for each in seconds.values())
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert not network.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_passes_of_both_formats_take_turns_and_compute_in_them(network, experiment, monkeypatch) -> None:
    computed: list[torch.dtype] = []
    forward = Yolo.forward

    def noted(self: Yolo, x: torch.Tensor) -> Any:
        heads = forward(self, x)
        computed.append(heads[0].dtype)
        return heads

    monkeypatch.setattr(Yolo, "forward", noted)

    auto(network, experiment, steady(1.0, 0.6))

    assert computed == [torch.float32, torch.bfloat16] * (1 + ROUNDS)


@pytest.mark.parametrize(
    ("capability", "expected"),
    [((9, 0), ["fp32", "bf16", "fp16"]), ((8, 0), ["fp32", "bf16", "fp16"]), ((7, 5), ["fp32", "fp16"])],
)
def test_a_gpu_has_bfloat16_from_ampere_on(monkeypatch, capability: tuple[int, int], expected) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)

    assert [*formats(torch.device("cuda", 0))] == expected


@pytest.mark.parametrize(("names", "tried"), [(["fp32", "bf16", "fp16"], "bf16"), (["fp32", "fp16"], "fp16")])
def test_against_fp32_is_tried_the_first_narrow_format_of_the_device(
    network, experiment, monkeypatch, names: Sequence[str], tried: str
) -> None:
    there = {name: number_format.DTYPES[name] for name in names}
    monkeypatch.setattr(number_format, "formats", lambda device: there)
    monkeypatch.setattr(number_format, "measured", lambda tried, *_, **__: dict.fromkeys(tried, 1.0))

    assert f"fp32 1.0000 s, {tried} 1.0000 s, ratio 1.00" in auto(network, experiment, Clock(iter(()))).words


def test_where_fp32_does_not_fit_into_a_gpu_the_other_format_is_taken_and_not_kept(
    network, experiment, monkeypatch, cache: Path
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise torch.cuda.OutOfMemoryError("out of memory")

    monkeypatch.setattr(number_format, "measured", full)

    choice = auto(network, experiment, Clock(iter(())))

    assert choice.number_format == "bf16"
    assert choice.words == "auto: bf16, as fp32 does not fit into the memory"
    assert not cache.exists()


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="no /proc/cpuinfo here")
def test_a_processor_is_told_by_model_and_vectors_and_not_by_clock_or_host() -> None:
    told = number_format.processor(CPU)

    assert told == number_format.processor(CPU)
    assert os.uname().nodename not in told.split(", ")
    assert "MHz" not in told
    assert len(told.split(", ")) > 2
