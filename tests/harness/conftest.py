"""Fixtures for the harness: a tiny data set, a fake engine on PATH, and `jamcam` as people start it."""

import io
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image

from harness.settings.load import load_settings
from harness.settings.variables import Settings

CHECKOUT = Path(__file__).resolve().parents[2]
FAKES = CHECKOUT / "tests" / "fakes" / "bin"
NO_CURVE = CHECKOUT / "tests" / "fakes" / "no_curve"
FAKE_RUNTIME = CHECKOUT / "tests" / "fakes" / "container"
CLASSES = ("person", "bicycle", "car", "motorbike", "bus", "truck")


@pytest.fixture(scope="session")
def tiny_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data-set file and its archive: 24 flat pictures with three boxes each, 16 to train on, 8 test."""
    folder = tmp_path_factory.mktemp("tiny")
    stems = [f"data/obj_train_data/camera/f{number:03d}" for number in range(24)]
    with zipfile.ZipFile(folder / "frames.zip", "w") as archive:
        for number, stem in enumerate(stems):
            picture = io.BytesIO()
            Image.new("RGB", (96, 64), (10 * number, 80, 90)).save(picture, "JPEG")
            archive.writestr(f"{stem}.jpg", picture.getvalue())
            boxes = [f"{(number + box) % 6} 0.5 0.{box + 2} 0.2 0.{box + 1}\n" for box in range(3)]
            archive.writestr(f"{stem}.txt", "".join(boxes))
        archive.writestr("data/obj.names", "".join(f"{name}\n" for name in CLASSES))
        archive.writestr(
            "data/obj.data", "classes = 6\ntrain = data/train.txt\nnames = data/obj.names\nbackup = b/\n"
        )
        archive.writestr("data/train.txt", "".join(f"{stem}.jpg\n" for stem in stems))
    declared = folder / "tiny.toml"
    declared.write_text(
        'name = "tiny"\ntitle = "flat pictures"\naddress = "file:frames.zip"\narchive = "frames.zip"\n'
        f"classes = {list(CLASSES)}\nwidth_px = 96\nheight_px = 64\n[split]\ntest_frames = 8\n"
    )
    return declared


@dataclass
class Jamcam:
    """Starts `jamcam` with the smoke recipe on the tiny data set; the fake `yolo_v4` answers.

    It draws learning curves only where the environment says PYTHONPATH="".
    """

    dataset: Path
    workspace: Path
    environment: dict[str, str] = field(default_factory=dict)
    patience_s: float = 300.0  # of a run that passes it takes seconds

    def options(self) -> list[str]:
        common = {"recipe": "smoke", "dataset": self.dataset, "engine": "here", "workspace": self.workspace}
        return [f"--{name}={value}" for name, value in common.items()]

    def start(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        """Begin, and do not wait."""
        path = f"{FAKES}{os.pathsep}{os.environ['PATH']}"
        return subprocess.Popen(
            [sys.executable, "-m", "harness", *self.options(), *arguments],
            cwd=CHECKOUT,
            env={
                **os.environ,
                "PYTHONPATH": str(NO_CURVE),
                **self.environment,
                **environment,
                "PATH": path,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __call__(self, *arguments: str, status: int = 0, **environment: str) -> str:
        """Run to the end, demand the exit status, and return what was printed."""
        process = self.start(*arguments, **environment)
        printed, _ = process.communicate(timeout=self.patience_s)
        assert process.returncode == status, printed
        return printed


@pytest.fixture
def jamcam(tiny_dataset: Path, workspace: Path) -> Jamcam:
    """`jamcam` in a workspace that is not there yet."""
    return Jamcam(tiny_dataset, workspace)


@pytest.fixture(scope="session")
def finished_workspace(tiny_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which all nine stages were run once, undisturbed; not to be written to."""
    workspace = tmp_path_factory.mktemp("finished") / "workspace"
    Jamcam(tiny_dataset, workspace)("all")
    return workspace


@pytest.fixture
def done(jamcam: Jamcam, finished_workspace: Path) -> Jamcam:
    """`jamcam` in a copy of a workspace where all is done."""
    shutil.copytree(finished_workspace, jamcam.workspace)
    for path in (jamcam.workspace / "specs" / "filled").iterdir():  # as if the run had been here
        path.write_text(path.read_text().replace(str(finished_workspace), str(jamcam.workspace)))
    return jamcam


@pytest.fixture
def settings(jamcam: Jamcam, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """Makes the settings that `jamcam` has, changed by what is given."""
    monkeypatch.setenv("PATH", f"{FAKES}{os.pathsep}{os.environ['PATH']}")

    def make(**changes: str) -> Settings:
        options = dict(option.removeprefix("--").split("=", 1) for option in jamcam.options())
        return load_settings({**options, **changes}, {})

    return make


@pytest.fixture
def fake_runtime() -> Path:
    """A folder for PATH with an `apptainer` that runs programs on this machine; its images are text files."""
    return FAKE_RUNTIME


@pytest.fixture
def signals_as_before() -> Iterator[None]:
    """For tests that let the harness install its signal handlers in this process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
