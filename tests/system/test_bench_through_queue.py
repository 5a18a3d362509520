"""`make bench PLATFORM=…` from a plain shell: through a real queue and engine, to records like local ones."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.schema import faults
from tests.system.cluster import Cluster
from tests.system.submitter import PLATFORM

pytest.importorskip("torch", reason="the portable engine needs torch")
pytestmark = [pytest.mark.slow, pytest.mark.system]

CHECKOUT = Path(__file__).resolve().parents[2]
CASES = {"chain", "train", "evaluate", "inference", "export", "convert-data", "micro"}


@pytest.fixture(scope="module")
def make_bench(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Runs `make bench` under the name of a platform that is declared so; its end and its folder."""

    def make(name: str, *words: str, **declared: Any) -> tuple["subprocess.CompletedProcess[str]", Path]:
        folder = tmp_path_factory.mktemp("bench")
        lines = [
            f"{key} = {json.dumps(value)}\n"
            for key, value in {**PLATFORM, "wall_time": "1:00:00", **declared}.items()
        ]
        (folder / f"{name}.toml").write_text("".join(lines))
        words = (f"PLATFORM={folder}/{name}.toml", "RECIPE=smoke", f"WORKSPACE={folder}/workspace", *words)
        ended = subprocess.run(
            ["make", "bench", "VENV=none", f"PYTHON={sys.executable}", *words, f"RESULTS={folder}/results"],
            cwd=CHECKOUT,
            env=cluster.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return ended, folder

    return make


@pytest.fixture(scope="module")
def folder(make_bench: Any) -> Path:
    """What one bench left."""
    ended, folder = make_bench("rehearsal")
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def records(folder: Path) -> list[dict[str, Any]]:
    """Its records, as they are on the disk."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("results/*/*/record.json"))]


def test_it_leaves_a_record_of_every_case_under_the_platforms_name(records: list[dict[str, Any]]) -> None:
    assert {record["case"]: record["status"] for record in records} == dict.fromkeys(CASES, "ok")
    assert {record["platform"] for record in records} == {"rehearsal"}
    assert len({record["bench"] for record in records}) == 1


def test_they_have_the_schema_of_local_ones_and_what_only_the_machine_itself_could_tell(
    records: list[dict[str, Any]],
) -> None:
    schema = json.loads((CHECKOUT / "specs" / "record.schema.json").read_text())
    assert [fault for record in records for fault in faults(record, schema, schema["$defs"])] == []

    for record in records:
        assert record["machine"]["cores"] >= 1
        assert record["code"]["harness_version"]
        assert record["environment"]["SLURM_JOB_PARTITION"] == "main"
        assert len(record["conditions"]["spec_sha256"]) == 64
    train = next(record for record in records if record["case"] == "train")
    assert train["probe"]["samples"] > 0
    assert train["observed"]["other_cpu_pct"] is not None
    assert train["verdict"]["word"]
    assert {"epoch", "start-up"} <= {phase["phase"] for phase in train["phases"]}


def test_they_say_what_the_run_through_the_queue_cost(records: list[dict[str, Any]], folder: Path) -> None:
    (path,) = folder.glob("workspace/.jobs/*/outcome.json")
    whole = json.loads(path.read_text())
    for record in records:
        cost = record["jobs"]
        assert (cost["stays"], cost["lost_s"], cost["lost_steps"], cost["goodput_pct"]) == (1, 0, None, 100)
        assert 0 <= cost["queue_s"] == whole["queue_s"] < 60
        assert sum(run["duration_s"] for run in record["runs"]) < cost["allocated_s"] <= whole["allocated_s"]


def test_a_gpu_that_only_slurm_believes_in_is_none(records: list[dict[str, Any]]) -> None:
    for record in records:
        assert record["environment"]["CUDA_VISIBLE_DEVICES"] == "0"
        assert record["machine"]["gpus"] == []
        assert (record["machine"]["driver"], record["machine"]["cuda"]) == ("", "")
        assert [one["metric"] for one in record["series"] if one["metric"].startswith("gpu")] == []
        assert [
            one for run in record["runs"] for one in run.get("energy", ()) if one["device"] != "cpu"
        ] == []


def test_plots_are_drawn_and_nothing_else_is_left_behind(folder: Path) -> None:
    drawn = {path.name for path in folder.glob("results/plots/*.png")}
    assert drawn >= {
        "throughput-smoke.png",
        "stages-smoke.png",
        "learning-smoke.png",
        "timeline-rehearsal.png",
    }
    assert {path.name for path in (folder / "workspace").iterdir()} == {".bench", ".jobs"}
    assert list((folder / "workspace" / ".bench").iterdir()) == []


def test_in_a_job_on_another_machine_the_name_is_not_earned_and_nothing_is_written(make_bench: Any) -> None:
    ended, folder = make_bench("far", gpu_model="A100", host_pattern="far-.*")

    assert ended.returncode == 2
    assert "ended as FAILED" in ended.stderr
    assert "this is not the platform far, so nothing is measured under its name" in ended.stderr
    assert "GPU: expected one called A100, found none" in ended.stderr
    assert not (folder / "results").exists()
