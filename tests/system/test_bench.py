"""A bench for real, on the smoke recipe, with a stand-in for NVML so that there is energy to measure."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.measure.record import Record
from harness.measure.record_files import read_records

pytest.importorskip("torch", reason="the portable engine needs torch")
pytestmark = [pytest.mark.slow, pytest.mark.system]

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The records of one bench."""
    folder = tmp_path_factory.mktemp("bench")
    source = CHECKOUT / "tests" / "fakes" / "nvml" / "nvml.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", folder / "libnvidia-ml.so.1", source], check=True)
    words = [
        "bench",
        "--recipe=smoke",
        f"--workspace={folder / 'workspace'}",
        f"--results={folder / 'results'}",
    ]
    ended = subprocess.run(
        [sys.executable, "-m", "harness", *words],
        cwd=CHECKOUT,
        env={**os.environ, "LD_LIBRARY_PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    return folder / "results"


@pytest.fixture(scope="module")
def records(results: Path) -> dict[str, Record]:
    """By case."""
    return {record.case: record for record in read_records(results)[0]}


def test_every_case_is_measured(records: dict[str, Record]) -> None:
    cases = {"chain", "train", "evaluate", "inference", "export", "convert-data", "micro"}

    assert {name: record.status for name, record in records.items()} == dict.fromkeys(cases, "ok")


def test_training_is_timed_by_step_and_its_energy_is_counted(records: dict[str, Record]) -> None:
    train = records["train"]

    assert all(rate and rate > 0 for rate in train.values("train_images_per_s"))
    told = [(one, run.duration_s) for run in train.runs for one in run.energy]
    assert {one.method for one, _ in told} == {"counter"}
    # Of a run in which a busy machine held the sampler up it is not known.
    assert {one.reason.partition(" ")[0] for one, _ in told if one.energy_j is None} <= {"only", "too"}
    known = [(one, lasted_s) for one, lasted_s in told if one.energy_j is not None]
    assert known
    for one, lasted_s in known:
        # The stand-in's GPUs take 100 W and 101 W, whatever happens.
        assert one.energy_j == pytest.approx((100 if one.device == "gpu0" else 101) * lasted_s, rel=0.15)
    assert train.verdict is not None


def test_the_micro_part_is_kept_beside_its_record(records: dict[str, Record], results: Path) -> None:
    micro = json.loads((results / "local" / records["micro"].id / "micro.json").read_text())

    names = {each["name"].split("[")[0] for each in micro["benchmarks"]}
    assert names >= {"test_train_step", "test_inference_step", "test_decode_and_suppress", "test_conversion"}
    assert names >= {"test_host_beat", "test_gpu_beat"}
    assert "node" not in micro["machine_info"]
