"""A cluster to rehearse on, and runs on it."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.cluster import MEMORY_CGROUPS, Cluster, missing
from tests.system.submitter import Run, prepare_data


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster without accounting."""
    yield from _cluster()


@pytest.fixture(scope="module")
def accounting_cluster() -> Iterator[Cluster]:
    """A cluster with accounting, whose queue forgets within seconds."""
    yield from _cluster(accounting=True)


@pytest.fixture(scope="module")
def limited_cluster() -> Iterator[Cluster]:
    """A cluster whose jobs get no more memory than they asked for."""
    if not os.access(MEMORY_CGROUPS, os.W_OK) or os.getuid():
        pytest.skip("memory can be limited only by root, and with cgroups of version 1")
    yield from _cluster(limited=True)


def _cluster(*, accounting: bool = False, limited: bool = False) -> Iterator[Cluster]:
    absent = missing(accounting=accounting)
    if absent:
        pytest.skip(
            f"Slurm is not installed here ({', '.join(absent)} not found); .ci/run says what it needs"
        )
    cluster = Cluster(accounting=accounting, limited=limited)
    try:
        yield cluster.up()
    finally:
        cluster.down()


@pytest.fixture(scope="session")
def with_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which all is done that comes before training; not to be written to."""
    return prepare_data(tmp_path_factory.mktemp("with-data") / "workspace")


@pytest.fixture
def run(cluster: Cluster, with_data: Path, tmp_path: Path) -> Callable[..., Run]:
    """Makes a run on the cluster, or on another one; several stand side by side."""

    def make(name: str = "one", on: Cluster = cluster, **words: Any) -> Run:
        shutil.copytree(with_data, tmp_path / name / "workspace")
        return Run(on, tmp_path / name / "workspace", **words)

    return make
