"""The promise of the same bytes, for real, with the smoke recipe: clones, interruption, counts of threads."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import until

pytest.importorskip("torch", reason="the portable engine needs torch")
pytestmark = [pytest.mark.slow, pytest.mark.system]

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE_S = 900.0


def started(*words: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "harness", *words],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def jamcam(*words: str, status: int = 0, **environment: str) -> str:
    process = started(*words, **environment)
    printed, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == status, printed[-4000:]
    return printed


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All nine stages, done with one thread."""
    workspace = tmp_path_factory.mktemp("there") / "workspace"
    jamcam("all", "--recipe=smoke", f"--workspace={workspace}", OMP_NUM_THREADS="1")
    return workspace


def receipt(own: Path) -> dict:
    return json.loads((own / "receipt.json").read_text())


def test_another_clone_that_was_interrupted_makes_the_same_bytes_with_as_many_threads(there, tmp_path):
    own = tmp_path / "a" / "longer" / "path" / "own"
    words = ("reproduce", str(there), f"--workspace={own}", "--exact")
    process = started(*words)
    saved = "*/products/experiment/weights/*_001.pt"
    until(lambda: [*(own / ".attempts" / "train").glob(saved)], PATIENCE_S, process=process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + signal.SIGTERM

    jamcam(*words)

    told = receipt(own)
    commit = subprocess.run(
        ["git", "-C", CHECKOUT, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    sources = own / ".reproduction" / "sources"
    head = subprocess.run(
        ["git", "-C", sources, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    subprocess.run(["git", "-C", CHECKOUT, "worktree", "remove", "--force", sources], check=True)
    assert head == commit == told["here"]["facts"]["commit"]
    assert {row["level"] for row in told["products"]} == {"same bytes"}
    assert told["promised"] == "same bytes"
    assert told["here"]["facts"]["threads"] == 1
    assert {stage["stage"]: stage["attempts"] for stage in told["stages"]}["train"] == 2


def test_with_another_number_of_threads_the_next_levels_are_expected_and_the_cause_is_named(there, tmp_path):
    own = tmp_path / "own"
    words = ("reproduce", str(there), f"--workspace={own}", "--only=train,eval")
    process = started(*words, OMP_NUM_THREADS="2")
    printed, _ = process.communicate(timeout=PATIENCE_S)

    told = receipt(own)
    levels = {row["name"]: row["level"] for row in told["products"]}
    causes = {row["name"]: row["causes"] for row in told["products"]}
    assert process.returncode == {"yes": 0, "no": 3, "cannot tell": 5}[told["verdict"]]
    assert "differs: threads: 1 there, 2 here" in printed
    assert told["promised"] == "same quality"
    assert levels["experiment/model_output_labels.txt"] == "same bytes"
    # Trainings from scratch drift apart; what that means for their quality the band says, where there is one.
    assert levels["experiment/weights"] in ("same outputs", "same quality", "cannot tell")
    assert causes["experiment/weights"] == ["threads: 1 there, 2 here"]
