"""Checkpoints: whole, the same bytes for the same run, and never a door for code."""

import contextlib
import os
import pickle
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from yolo_v4.errors import DataError
from yolo_v4.network.checkpoint import Checkpoint, Identity, load_checkpoint, load_network, save_checkpoint
from yolo_v4.network.yolo import Yolo, build_network
from yolo_v4.spec.experiment import Experiment
from yolo_v4.spec.load import load_experiment


@pytest.fixture
def experiment(write_spec: Callable[..., Path]) -> Experiment:
    return load_experiment(write_spec())


@pytest.fixture
def network(experiment: Experiment) -> Yolo:
    return build_network(experiment.network, num_classes=2, channels=3)


def checkpoint_of(network: Yolo, experiment: Experiment, *, averaged: bool = False) -> Checkpoint:
    weights = network.state_dict()
    average = {name: torch.zeros_like(value) for name, value in weights.items()} if averaged else None
    return Checkpoint(
        identity=Identity.of(experiment),
        weights=weights,
        average=average,
        optimizer={
            "state": {0: {"step": torch.ones(())}},
            "param_groups": [{"lr": 0.1, "betas": (0.9, 0.999)}],
        },
        scaler={},
        epoch=2,
        history=[{"epoch": 1, "loss": 2.5}, {"epoch": 2, "loss": 1.5, "mAP": 0.25}],
    )


def test_what_was_saved_comes_back(tmp_path: Path, network: Yolo, experiment: Experiment) -> None:
    saved = checkpoint_of(network, experiment)
    save_checkpoint(tmp_path / "a.pt", saved)

    loaded = load_checkpoint(tmp_path / "a.pt")

    assert loaded.identity == saved.identity
    assert loaded.history == saved.history
    assert loaded.epoch == 2
    assert all(torch.equal(loaded.weights[name], value) for name, value in saved.weights.items())
    assert [path.name for path in tmp_path.glob("*.p*")] == ["a.pt"]


def test_a_checkpoint_has_the_same_bytes_under_another_name(
    tmp_path: Path, network: Yolo, experiment: Experiment
) -> None:
    save_checkpoint(tmp_path / "first.pt", checkpoint_of(network, experiment))
    (tmp_path / "elsewhere").mkdir()
    save_checkpoint(tmp_path / "elsewhere" / "second.pt", checkpoint_of(network, experiment))

    assert (tmp_path / "first.pt").read_bytes() == (tmp_path / "elsewhere" / "second.pt").read_bytes()


def test_the_network_is_used_with_its_moving_average_where_there_is_one(
    tmp_path: Path, network: Yolo, experiment: Experiment
) -> None:
    save_checkpoint(tmp_path / "a.pt", checkpoint_of(network, experiment, averaged=True))

    used = load_network(tmp_path / "a.pt", experiment)

    assert not used.training
    assert used.conv_big_object.weight.abs().sum() == 0


def test_a_checkpoint_that_hides_code_is_refused_and_the_code_does_not_run(tmp_path: Path) -> None:
    class Bait:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"format": 1, "weights": Bait()}, tmp_path / "bait.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Bait(), protocol=2))

    for name in ("bait.pt", "plain.pt"):
        with pytest.raises(DataError, match="hides code in a pickle"):
            load_checkpoint(tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_a_truncated_an_alien_and_a_missing_checkpoint_are_refused(
    tmp_path: Path, network: Yolo, experiment: Experiment
) -> None:
    save_checkpoint(tmp_path / "cut.pt", checkpoint_of(network, experiment))
    (tmp_path / "cut.pt").write_bytes((tmp_path / "cut.pt").read_bytes()[:100_000])
    torch.save({"model": torch.zeros(3)}, tmp_path / "alien.pt")

    with pytest.raises(DataError, match=r"cut.pt is damaged or no checkpoint"):
        load_checkpoint(tmp_path / "cut.pt")
    with pytest.raises(DataError, match=r"alien.pt is not a checkpoint of format 1"):
        load_checkpoint(tmp_path / "alien.pt")
    with pytest.raises(DataError, match=r"no checkpoint at .*none.pt"):
        load_checkpoint(tmp_path / "none.pt")


@pytest.mark.parametrize(
    "error", [MemoryError("std::bad_alloc"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_a_checkpoint_is_not_called_damaged_where_memory_ran_out(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sound.pt"
    path.write_bytes(b"any")

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(torch, "load", fail)

    with pytest.raises(type(error)) as caught:
        load_checkpoint(path)
    assert caught.value is error


def test_a_model_of_other_classes_or_size_is_refused_with_both_values(
    tmp_path: Path, network: Yolo, experiment: Experiment, write_spec: Callable[..., Path]
) -> None:
    save_checkpoint(tmp_path / "a.pt", checkpoint_of(network, experiment))
    other = load_experiment(write_spec(dataset='target_class_mapping { key: "tram" value: "tram" }'))
    wider = load_experiment(write_spec(augmentation="output_width: 96"))

    with pytest.raises(DataError, match=r"classes \('bus', 'car'\), the spec says \('bus', 'car', 'tram'\)"):
        load_network(tmp_path / "a.pt", other)
    with pytest.raises(DataError, match=r"input_wh \(64, 64\), the spec says \(96, 64\)"):
        load_network(tmp_path / "a.pt", wider)


@contextlib.contextmanager
def files_no_larger_than(size_bytes: int) -> Iterator[None]:
    """Writing more fails half-way, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_and_the_checkpoint_before_stays(
    tmp_path: Path, network: Yolo, experiment: Experiment
) -> None:
    save_checkpoint(tmp_path / "last.pt", checkpoint_of(network, experiment))
    before = (tmp_path / "last.pt").read_bytes()

    with files_no_larger_than(len(before) // 2), pytest.raises(OSError, match=r"File too large: .*last\.pt"):
        save_checkpoint(tmp_path / "last.pt", checkpoint_of(network, experiment, averaged=True))

    assert (tmp_path / "last.pt").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.suffix in {".pt", ".part"}] == ["last.pt"]
