"""The subjects of the conformance suite: every program that may answer the harness, in every way."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
TAO = CHECKOUT / "tests" / "fakes" / "tao"
FAKE_RUNTIME = CHECKOUT / "tests" / "fakes" / "container"
STAGES = ("download", "verify", "gen-valid", "tune-bdb", "convert-data", "train", "eval", "vis", "export")


@dataclass
class Subject:
    """An engine, the options that choose it, and what its files are called."""

    options: list[str]
    direct: list[str]  # what stands in front of a sub-command
    weights: str = ".pt"
    export: str = ".onnx"
    environment: dict[str, str] = field(default_factory=dict)
    workspace: Path = Path()

    def jamcam(self, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """The harness with this engine, on the smoke recipe, without a terminal."""
        command = [sys.executable, "-m", "harness", *words, "--recipe=smoke", f"--workspace={self.workspace}"]
        return self._run([*command, *self.options], environment)

    def ask(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """The engine itself."""
        return self._run([*self.direct, *words], {})

    def _run(self, command: list[str], more: dict[str, str]) -> "subprocess.CompletedProcess[str]":
        names = {**os.environ, "OMP_NUM_THREADS": "1", **self.environment, **more}
        return subprocess.run(command, cwd=CHECKOUT, env=names, capture_output=True, text=True, check=False)

    def marker(self, stage: str) -> dict[str, object]:
        """What a finished stage says of itself."""
        return dict(json.loads((self.workspace / ".markers" / f"{stage}.json").read_text()))

    def products(self) -> dict[str, str]:
        """Digest of every product."""
        return {each["path"]: each["sha256"] for stage in STAGES for each in self.marker(stage)["products"]}


def stand_in(folder: Path, version: str, habit: str = "") -> Subject:
    """What behaves like NVIDIA's program of that release, in an image of the stand-in for Apptainer."""
    generation = version.partition(".")[0]
    image = folder / f"tao-{version}{habit}.sif"
    folder.mkdir(exist_ok=True)
    image.write_text(f"PATH={TAO}:{os.environ['PATH']}\nTAO_GENERATION={generation}\nFAKE_TAO={habit}\n")
    return Subject(
        options=["--engine=tao", f"--image={image}", f"--tao-version={version}"],
        direct=["apptainer", "exec", str(image), "yolo_v4"],
        weights=".tlt" if generation == "3" else ".hdf5",
        export=".etlt" if generation == "3" else ".onnx",
        environment={"PATH": f"{FAKE_RUNTIME}{os.pathsep}{os.environ['PATH']}", "KEY": "open sesame"},
        workspace=folder / f"workspace-{version}{habit}",
    )


def make(name: str, folder: Path, request: pytest.FixtureRequest) -> Subject:
    """The subject of that name, with nothing done yet."""
    if name.startswith("stand-in"):
        return stand_in(folder, name.rpartition(" ")[2])
    if name == "ours":
        pytest.importorskip("torch", reason="the portable engine needs torch")
        return Subject(options=[], direct=[sys.executable, "-m", "yolo_v4"], workspace=folder / "ours")
    if name == "ours in an image":
        image = request.getfixturevalue("portable_image")
        runtime = request.getfixturevalue("apptainer")
        options = ["--engine=portable", f"--image={image}"]
        return Subject(
            options=options, direct=[runtime, "exec", str(image), "yolo_v4"], workspace=folder / "in an image"
        )
    image, version = os.environ["JAMCAM_TAO_IMAGE"], os.environ.get("JAMCAM_TAO_VERSION", "3.21.11")
    subject = stand_in(folder, version)
    subject.options[1], subject.environment = f"--image={image}", {}
    subject.direct = ["apptainer", "exec", "--nv", image, "yolo_v4"]
    return subject


REAL = [pytest.mark.slow, pytest.mark.system]
SUBJECTS = [
    pytest.param("stand-in for TAO 3.21.11", marks=pytest.mark.slow),
    pytest.param("stand-in for TAO 5.0.0", marks=pytest.mark.slow),
    pytest.param("ours", marks=REAL),
    pytest.param("ours in an image", marks=REAL),
]
if os.environ.get("JAMCAM_TAO_IMAGE"):
    SUBJECTS.append(pytest.param("NVIDIA's image", marks=[*REAL, pytest.mark.gpu]))


@pytest.fixture(scope="module", params=SUBJECTS)
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """Each engine in turn, after it answered for all nine stages."""
    made = make(request.param, tmp_path_factory.mktemp("seam") / "x", request)
    ended = made.jamcam("all")
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    return made


@pytest.fixture
def make_stand_in(tmp_path: Path) -> Callable[[str], Subject]:
    """Makes a stand-in for TAO of a release, with nothing done yet."""
    return lambda version: stand_in(tmp_path / "x", version)


@pytest.fixture
def stand_in_with_a_habit(tmp_path: Path) -> Callable[[str, str], Subject]:
    """Makes a stand-in for TAO with a habit, data and anchors ready, and training still to be done."""

    def prepare(version: str, habit: str) -> Subject:
        made = stand_in(tmp_path / "x", version)
        assert made.jamcam("convert-data").returncode == 0
        assert made.jamcam("tune-bdb").returncode == 0
        bad = stand_in(tmp_path / "x", version, habit)
        shutil.move(made.workspace, bad.workspace)
        return bad

    return prepare
