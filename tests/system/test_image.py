"""Real images with a real Apptainer: built as root and as an ordinary user, run in each way README names."""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.system]

CHECKOUT = Path(__file__).resolve().parents[2]
USER = "jamcam-tests"
MOST_BYTES = 700e6


@dataclass
class Run:
    """How a program ended."""

    status: int
    printed: str
    took_s: float


def run(
    *words: str | Path, cwd: Path | str = "/", how: dict[str, int] | None = None, **environment: str
) -> Run:
    began = time.monotonic()
    ended = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **(how or {}),
    )
    return Run(ended.returncode, ended.stdout, time.monotonic() - began)


def jamcam(*words: str | Path, **environment: str) -> Run:
    return run(sys.executable, "-m", "harness", *words, "--recipe=smoke", cwd=CHECKOUT, **environment)


@pytest.fixture(scope="module")
def finished(portable_image: Path, apptainer: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which `run … --all` did everything, inside the image."""
    workspace = tmp_path_factory.mktemp("inside") / "workspace"
    workspace.mkdir()
    ended = run(
        apptainer, "run", "--bind", f"{workspace}:/workspace", portable_image, "--all", "--recipe=smoke"
    )
    assert ended.status == 0, ended.printed[-3000:]
    return workspace


@pytest.fixture(scope="module")
def somebody() -> Iterator[dict[str, int]]:
    """An ordinary user who may build with --fakeroot, as arguments of subprocess; root makes the user."""
    if os.getuid():
        yield {}
        return
    made = (
        subprocess.run(["useradd", "--create-home", USER], check=False, capture_output=True).returncode == 0
    )
    entry = pwd.getpwnam(USER)
    yield {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}  # type: ignore[dict-item]
    if made:
        subprocess.run(["userdel", "--remove", USER], check=False, capture_output=True)


@pytest.fixture
def open_folder(somebody: dict[str, int]) -> Iterator[Path]:
    """A folder of that user's; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as folder:
        if somebody:
            os.chown(folder, somebody["user"], somebody["group"])
        yield Path(folder)


def test_the_image_is_small_and_not_built_again(
    portable_image: Path, build_image, debian_image: Path
) -> None:
    before = portable_image.stat()
    assert before.st_size <= MOST_BYTES
    assert build_image(portable_image.parents[1], f"BASE=localimage:{debian_image}") == portable_image
    assert portable_image.stat().st_mtime_ns == before.st_mtime_ns
    digest = (portable_image.parent / "portable.sif.sha256").read_text().split()[0]
    manifest = json.loads((portable_image.parent / "portable.sif.json").read_text())
    assert manifest["sha256"] == digest
    assert {"torch", "luigi", "numpy"} <= set(manifest["packages"])


def test_the_packages_inside_are_the_pinned_ones(portable_image: Path) -> None:
    manifest = json.loads((portable_image.parent / "portable.sif.json").read_text())
    pins = dict(
        line.split("==") for line in (CHECKOUT / "constraints.txt").read_text().split() if "==" in line
    )
    inside = {name.replace("_", "-"): version for name, version in manifest["packages"].items()}
    assert {name: version.partition("+")[0] for name, version in inside.items() if name in pins} == {
        name: pins[name] for name in inside if name in pins
    }


def test_labels_help_and_test_are_there(portable_image: Path, apptainer: str) -> None:
    labels = run(apptainer, "inspect", "--labels", portable_image).printed
    assert "org.jamcam.version: " in labels
    assert "org.jamcam.git-commit: " in labels
    assert "org.jamcam.base-digest: sha256:" in labels
    assert "--all" in run(apptainer, "run-help", portable_image).printed
    assert run(apptainer, "test", portable_image).status == 0


def test_help_comes_at_once(portable_image: Path, apptainer: str) -> None:
    times_s = [run(apptainer, "run", portable_image, "--help").took_s for _ in range(3)]
    # On a quiet machine half a second; the bound leaves room for other work on it.
    assert min(times_s) < 5


def test_an_image_started_by_its_own_name_takes_the_flags_of_the_workflow(
    finished: Path, portable_image: Path
) -> None:
    ended = run(
        portable_image, "--verify", "--gen-valid", "--recipe=smoke", APPTAINER_BIND=f"{finished}:/workspace"
    )
    assert ended.status == 0, ended.printed
    assert "nothing to do" in ended.printed


def test_an_unknown_option_is_usage(portable_image: Path, apptainer: str) -> None:
    ended = run(apptainer, "run", portable_image, "--tain")
    assert ended.status == 2
    assert ended.printed.startswith("jamcam: a run of stages does not take --tain\n  try: write --train")


def test_without_a_workspace_nothing_is_written_and_the_way_is_named(
    portable_image: Path, apptainer: str
) -> None:
    ended = run(apptainer, "run", portable_image, "--download", "--recipe=smoke")
    assert ended.status == 1
    assert "cannot write in /workspace" in ended.printed
    assert "--bind YOUR_WORKSPACE:/workspace" in ended.printed


def test_no_container_is_started_inside_one(finished: Path, portable_image: Path, apptainer: str) -> None:
    words = [
        "run",
        "--bind",
        f"{finished}:/workspace",
        portable_image,
        "--train",
        "--engine=tao",
        "--image=x.sif",
    ]
    ended = run(apptainer, *words, "--tao-version=5.0.0", "--recipe=smoke")
    assert ended.status == 2
    assert "this is already inside the image" in ended.printed


def test_what_was_done_inside_is_done_for_the_harness_outside_and_the_bytes_are_those_of_this_environment(
    finished: Path, portable_image: Path, tmp_path: Path
) -> None:
    pytest.importorskip("torch", reason="the portable engine needs torch")
    image = ("--engine=portable", f"--image={portable_image}")
    shown = jamcam("status", *image, f"--workspace={finished}").printed
    assert sum(" done" in line for line in shown.splitlines()) == 9, shown

    outside = tmp_path / "outside"
    ended = jamcam("all", f"--workspace={outside}")
    assert ended.status == 0, ended.printed[-3000:]
    for marker in sorted((outside / ".markers").glob("*.json")):
        here, inside = (
            json.loads((place / ".markers" / marker.name).read_text()) for place in (outside, finished)
        )
        assert here["products"] == inside["products"], marker.name


def test_a_workspace_behind_a_link_and_with_a_blank_is_found_inside_and_its_markers_quote_the_image(
    finished: Path, portable_image: Path, tmp_path: Path
) -> None:
    real, link = tmp_path / "real place", tmp_path / "a link"
    shutil.copytree(finished, real)
    link.symlink_to(real)
    (real / ".markers" / "tune-bdb.json").unlink()
    ended = jamcam("tune-bdb", "--engine=portable", f"--image={portable_image}", f"--workspace={link}")
    assert ended.status == 0, ended.printed
    marker = json.loads((real / ".markers" / "tune-bdb.json").read_text())
    manifest = json.loads((portable_image.parent / "portable.sif.json").read_text())
    quoted = {name: manifest[name] for name in ("sha256", "definition_sha256", "base_digest")}
    assert marker["engine"]["image_made"] == quoted


def test_an_image_without_yolo_v4_is_refused(debian_image: Path, workspace: Path) -> None:
    ended = jamcam("all", "--engine=portable", f"--image={debian_image}", f"--workspace={workspace}")
    assert ended.status == 2
    assert f"there is no yolo_v4 in {debian_image}" in ended.printed


def test_an_image_of_another_architecture_is_refused(
    debian_image: Path, workspace: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.sif"
    shutil.copyfile(debian_image, other)
    with other.open("r+b") as stream:
        stream.seek(32 + 10 + 3)  # launch script, magic, version: then the architecture
        assert stream.read(2) == b"02"  # amd64
        stream.seek(32 + 10 + 3)
        stream.write(b"04")  # arm64
    ended = jamcam("all", "--engine=portable", f"--image={other}", f"--workspace={workspace}")
    assert ended.status == 2
    assert "architecture" in ended.printed


def test_a_gpu_that_is_asked_for_and_not_there_is_refused(portable_image: Path, workspace: Path) -> None:
    if shutil.which("nvidia-smi"):
        pytest.skip("this machine may have a GPU")
    image = ("--engine=portable", f"--image={portable_image}")
    ended = jamcam("all", *image, "--gpus=1", f"--workspace={workspace}")
    assert ended.status == 2
    assert "no GPU can be seen" in ended.printed


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_no_engine_in_an_image_outlives_its_harness(
    finished: Path, portable_image: Path, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    workspace = tmp_path / "workspace"
    shutil.copytree(finished, workspace)
    (workspace / ".markers" / "train.json").unlink()
    options = ["--engine=portable", f"--image={portable_image}", f"--workspace={workspace}", "--recipe=smoke"]
    command = [sys.executable, "-m", "harness", "train", *options]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            if "Epoch 1/" in line:
                break
        assert engines(workspace)
        process.send_signal(number)
        process.wait()
    assert process.returncode == status
    until(lambda: not engines(workspace), every_s=0.1)


def engines(workspace: Path) -> list[str]:
    """Processes of yolo_v4 that work in this workspace."""
    listing = subprocess.run(
        ["ps", "-ww", "-eo", "pid,args"], capture_output=True, text=True, check=True
    ).stdout
    return [line for line in listing.splitlines() if "yolo_v4 train" in line and str(workspace) in line]


def test_an_ordinary_user_builds_with_fakeroot_and_runs(
    debian_image: Path, apptainer: str, build_image, somebody: dict[str, int], open_folder: Path
) -> None:
    python = (
        sys.executable
        if not somebody
        else next(
            python
            for python in ("/usr/bin/python3", sys.executable)
            if run(python, "-m", "pip", "--version", how=somebody).status == 0
        )
    )
    base = open_folder / "debian.sif"
    shutil.copyfile(debian_image, base)
    image = build_image(open_folder / "checkout", f"BASE=localimage:{base}", python=python, **somebody)
    workspace = open_folder / "workspace"
    workspace.mkdir(mode=0o777)
    workspace.chmod(0o777)
    stages = ("--download", "--verify", "--gen-valid", "--tune-bdb")
    words = ["run", "--bind", f"{workspace}:/workspace", str(image), *stages, "--recipe=smoke"]
    ended = run(apptainer, *words, cwd=open_folder, how=somebody, HOME=str(open_folder))
    assert ended.status == 0, ended.printed[-3000:]
    assert (workspace / "experiment" / "anchors.json").exists()
