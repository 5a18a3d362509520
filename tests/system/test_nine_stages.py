"""The whole chain for real, on the smoke recipe: what it makes, once, and that a kill loses nothing."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.stages.workflow import KINDS

pytest.importorskip("torch", reason="the portable engine needs torch")
pytestmark = [pytest.mark.slow, pytest.mark.system]

CHECKOUT = Path(__file__).resolve().parents[2]
STAGES = ("download", "verify", "gen-valid", "tune-bdb", "convert-data", "train", "eval", "vis", "export")
# How long into each stage the kill comes, in seconds; halved until it comes before the end.
KILL_AFTER_S = {"download": 1.0, "verify": 0.1, "gen-valid": 0.05, "tune-bdb": 0.4, "convert-data": 0.6}
KILL_AFTER_S |= {"train": 6.0, "eval": 3.0, "vis": 3.0, "export": 4.0}
# What comes of a network depends on how a CPU adds up, so the digests of these products differ from machine
# to machine; what can be stored of them are the names of their files and the words in them.
LEARNED = (
    "experiment/weights",
    "experiment/yolov4_training_log_",
    "experiment/metrics",
    "experiment/visualisations",
)
LEARNED += ("experiment/export", "experiment/detections.jsonl")
GOLDEN = Path(__file__).with_name("smoke_products.txt")
CLASSES = {"person", "bicycle", "car", "motorbike", "bus", "truck"}


def jamcam(workspace: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "harness", *words, "--recipe=smoke", f"--workspace={workspace}"]


def run(workspace: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        jamcam(workspace, *words), cwd=CHECKOUT, capture_output=True, text=True, check=False
    )


def marker(workspace: Path, stage: str) -> dict[str, Any]:
    table: dict[str, Any] = json.loads((workspace / ".markers" / f"{stage}.json").read_text())
    return table


def products(workspace: Path) -> dict[str, str]:
    """Digest of every product of every stage."""
    return {
        entry["path"]: entry["sha256"] for stage in STAGES for entry in marker(workspace, stage)["products"]
    }


def described(workspace: Path, path: str, digest: str) -> str:
    """What is compared of a product: its digest, or of a learned one the names of files, keys or columns."""
    product = workspace / path
    if not path.startswith(LEARNED):
        return digest
    if product.is_dir():
        return " ".join(sorted(file.name for file in product.iterdir()))
    text = product.read_text()
    if path.endswith(".jsonl"):
        return " ".join(sorted(json.loads(text.splitlines()[0])))
    return " ".join(sorted(json.loads(text))) if path.endswith(".json") else text.splitlines()[0]


def attempts(workspace: Path) -> set[Path]:
    return set((workspace / ".attempts").glob("*/*"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with all nine stages done, undisturbed. Copy it before changing anything."""
    workspace = tmp_path_factory.mktemp("undisturbed") / "workspace"
    ended = run(workspace, "all")
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    return workspace


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    workspace = tmp_path / "copied"
    shutil.copytree(finished, workspace)
    return workspace


def test_all_nine_stages_are_done_and_status_says_so(finished: Path) -> None:
    shown = run(finished, "status")
    assert shown.returncode == 0
    assert sum(" done" in line for line in shown.stdout.splitlines()) >= 9, shown.stdout
    assert all((finished / path).exists() for path in products(finished))


def test_the_products_are_the_stored_ones_unless_a_revision_was_raised(finished: Path) -> None:
    """Where lines differ: raise `revision` of their stages, or old workspaces stay; store the new lines.

    Only a change of the recipe or its specs, which fingerprints hold anyway, needs no raise.
    """
    lines = []
    for stage in STAGES:
        for entry in marker(finished, stage)["products"]:
            held = described(finished, entry["path"], entry["sha256"])
            lines.append(f"{stage} revision {KINDS[stage].revision}: {entry['path']}: {held}")
    assert lines == GOLDEN.read_text().splitlines()


def test_metrics_hold_what_the_design_promises(finished: Path) -> None:
    for name, split in (("metrics.json", "test"), ("metrics_val.json", "val")):
        metrics = json.loads((finished / "experiment" / name).read_text())
        assert set(metrics) == {"split", "images", "iou_threshold", "mAP", "mAP_tao", "AP", "boxes"}
        assert metrics["split"] == split
        assert set(metrics["AP"]) == set(metrics["boxes"]) == CLASSES
        assert all(ap is None or 0 <= ap <= 1 for ap in metrics["AP"].values())
        assert all((metrics["AP"][name] is None) == (count == 0) for name, count in metrics["boxes"].items())


def test_the_spec_that_the_run_names_serves_the_engine_from_another_folder(
    finished: Path, tmp_path: Path
) -> None:
    printed = run(finished, "all").stdout
    told = {name: place for name, _, place in (line.partition(": ") for line in printed.splitlines())}
    spec, model = told["spec for yolo_v4"], told["weights"]
    (tmp_path / "elsewhere").mkdir()

    def ask(*words: str) -> None:
        command = [sys.executable, "-m", "yolo_v4", *words]
        names = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        ended = subprocess.run(
            command, cwd=tmp_path / "elsewhere", env=names, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr

    ask("check_spec", "-e", spec)
    ask("evaluate", "-m", model, "-e", spec, "-r", str(tmp_path / "results"))
    for split in ("train", "val", "test"):
        converted = str(tmp_path / "converted" / split)
        ask(
            "dataset_convert",
            "-d",
            f"{Path(spec).parent}/yolo_v4_tfrecords_jamcam_{split}.txt",
            "-o",
            converted,
        )

    last = json.loads((tmp_path / "results" / "status.json").read_text().splitlines()[-1])
    metrics = json.loads((finished / "experiment" / "metrics_val.json").read_text())
    assert last["kpi"]["AP"] == metrics["AP"]
    for split in ("train", "val", "test"):
        records = (finished / "data" / split / "tfrecords").iterdir()
        made = (tmp_path / "converted").glob(f"{split}-fold-*")
        assert {path.name: path.read_bytes() for path in made} == {
            path.name: path.read_bytes() for path in records
        }


def test_predict_on_the_test_frames_finds_what_eval_found(finished: Path, tmp_path: Path) -> None:
    lines = (finished / "experiment" / "detections.jsonl").read_text().splitlines()
    expected = [row for row in map(json.loads, lines) if row["split"] == "test"]
    threshold = sorted(row["score"] for row in expected)[len(expected) // 2] - 1e-4
    expected = [row for row in expected if row["score"] >= threshold]
    words = ["predict", str(finished / "data" / "test" / "images"), f"--threshold={threshold}"]
    command = [
        sys.executable,
        "-m",
        "harness",
        *words,
        f"--workspace={finished}",
        f"--out={tmp_path / 'out'}",
    ]

    ended = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    found = [json.loads(line) for line in (tmp_path / "out" / "detections.jsonl").read_text().splitlines()]
    assert len(expected) == len(found) > 0

    def by_score(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        return sorted((Path(row["frame"]).name, row["class"], *row["box"], row["score"]) for row in rows)

    for ours, theirs in zip(by_score(found), by_score(expected), strict=True):
        assert ours[:2] == theirs[:2]
        assert ours[2:] == pytest.approx(theirs[2:], abs=0.05)
    assert f"{len(found):,} objects on" in ended.stdout
    assert (tmp_path / "out" / "counts.png").stat().st_size > 0


def test_a_second_run_runs_nothing(finished: Path) -> None:
    before = attempts(finished)
    before_s = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    ended = run(finished, "all")
    # Processor time, which waiting for a busy machine does not lengthen; of any stage it would be more.
    assert sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - before_s < 2
    assert ended.returncode == 0
    assert attempts(finished) == before


def test_a_changed_parameter_reruns_its_stage_and_what_follows_only(finished: Path) -> None:
    rerun = {stage for stage in STAGES if run(finished, "why", stage, "--epochs=1").returncode == 1}
    assert rerun == {"train", "eval", "vis", "export"}
    assert "epochs" in run(finished, "why", "train", "--epochs=1").stdout


def test_a_product_that_vanished_is_made_again_and_nothing_upstream(copied: Path) -> None:
    expected = products(copied)
    shutil.rmtree(copied / "data" / "train" / "tfrecords")
    before = attempts(copied)
    assert run(copied, "convert-data").returncode == 0
    assert {path.parent.name for path in attempts(copied) - before} == {"convert-data"}
    assert products(copied) == expected


def test_the_same_settings_elsewhere_make_the_same_bytes(finished: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "a" / "much" / "longer" / "path" / "workspace"
    ended = run(elsewhere, "--all")
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert products(elsewhere) == products(finished)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_killed_in_the_middle_is_finished_by_the_next_run_with_the_same_products(
    stage: str, copied: Path
) -> None:
    expected = products(copied)
    delay_s = KILL_AFTER_S[stage]
    while not killed(copied, stage, delay_s):
        delay_s /= 2
        assert delay_s > 0.001, f"{stage} always ends before it can be killed"
    assert not (copied / ".markers" / f"{stage}.json").exists()
    ended = run(copied, "all")
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert products(copied) == expected
    assert run(copied, "status", "--deep=1").stdout.count(" done") >= 9


def killed(workspace: Path, stage: str, delay_s: float) -> bool:
    """Start `stage` anew, kill it `delay_s` seconds after its attempt began; False: it had ended before."""
    (workspace / ".markers" / f"{stage}.json").unlink(missing_ok=True)
    before = attempts(workspace)
    with subprocess.Popen(
        jamcam(workspace, stage), cwd=CHECKOUT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while attempts(workspace) == before and process.poll() is None:
            time.sleep(0.005)
        time.sleep(delay_s)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    return not (workspace / ".markers" / f"{stage}.json").exists()
