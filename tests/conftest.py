"""Fixtures for all tests: an environment without settings, a workspace, data beside the checkout, images."""

import contextlib
import fcntl
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import hypothesis
import pytest

# How long an example takes on a busy machine says nothing of the code.
hypothesis.settings.register_profile(
    "here", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("here")
CHECKOUT = Path(__file__).resolve().parent.parent
# Read once, here: the tests themselves run without JAMCAM_ variables.
SHARED = Path(os.environ.get("JAMCAM_SHARED", CHECKOUT.parent / "shared")).absolute()
# Of which repository git speaks, wherever it stands.
GIT_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
IN_AN_IMAGE = ("LICENSE", "harness", "luigi.cfg", "made_frames", "probe", "specs", "yolo_v4")
GOLDEN = Path(os.environ.get("YOLO_V4_GOLDEN", SHARED / "oracle")).absolute()
TRAINED = Path(os.environ.get("YOLO_V4_TRAINED", SHARED / "oracle-trained")).absolute()


@pytest.fixture(scope="session", autouse=True)
def python3_itself_on_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """`env python3`, with which stand-ins for other programs begin, starts Python itself.

    Under pyenv it is a shell script that takes ten times as long (140 ms of CPU in place of 15).
    """
    folder = tmp_path_factory.mktemp("python3")
    (folder / "python3").symlink_to(Path(sys.executable).resolve())
    with mock.patch.dict(os.environ, PATH=f"{folder}{os.pathsep}{os.environ['PATH']}"):
        yield


@pytest.fixture(scope="session", autouse=True)
def no_repository_of_somebody_else() -> Iterator[None]:
    """Where a hook of git runs the tests, commits that they make must not go into its repository."""
    with mock.patch.dict(os.environ):
        for name in GIT_OF_A_HOOK:
            os.environ.pop(name, None)
        yield


@pytest.fixture(autouse=True)
def environment_without_settings() -> Iterator[None]:
    """Settings of whoever runs the tests, or left by an earlier test, must not decide their outcome.

    `yolo_v4 --gpu_index` sets CUDA_VISIBLE_DEVICES for its process, which in tests is that of all that
    follow.
    """
    kept = {name: text for name, text in os.environ.items() if not _is_setting(name)}
    with mock.patch.dict(os.environ, kept, clear=True):
        yield


@pytest.fixture(params=[0o022, 0o002, 0o077], ids=oct)
def mode_of_files(request: pytest.FixtureRequest) -> Iterator[int]:
    """The mode of a file that others are to read, made while the user has this umask."""
    before = os.umask(request.param)
    yield 0o644 & ~request.param
    os.umask(before)


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The folder of the Makefile."""
    return CHECKOUT


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Where a workspace may be made; nothing is there yet."""
    return tmp_path / "workspace"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real data that stands beside the project, never in it."""
    return _present(SHARED, "real data", "JAMCAM_SHARED")


@pytest.fixture(scope="session")
def golden() -> Path:
    """Golden vectors made with NVIDIA's open-sourced code."""
    return _present(GOLDEN, "golden vectors", "YOLO_V4_GOLDEN")


@pytest.fixture(scope="session")
def trained_by_nvidia() -> Path:
    """A checkpoint of NVIDIA's program, its spec, and what its network computed."""
    return _present(TRAINED, "checkpoint of NVIDIA's program", "YOLO_V4_TRAINED")


@pytest.fixture(scope="session")
def interpreter() -> Callable[[str], str]:
    """Finds a Python of a version such as "3.12", on PATH or under pyenv; skips the test if there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))

    def find(version: str) -> str:
        on_path = shutil.which(f"python{version}")
        for candidate in [*pyenv.glob(f"versions/{version}.*/bin/python{version}"), *filter(None, [on_path])]:
            if subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
                return str(candidate)
        return pytest.skip(f"no Python {version} on this machine")

    return find


@pytest.fixture(scope="session")
def apptainer() -> str:
    """The container runtime of this machine."""
    found = shutil.which("apptainer") or shutil.which("singularity")
    return found or pytest.skip("neither apptainer nor singularity is on PATH")


@pytest.fixture(scope="session")
def build_image() -> Callable[..., Path]:
    """Builds portable.sif from a copy of the checkout in a folder, unless it is there already."""

    def build(folder: Path, *words: str, python: str = sys.executable, **how: int) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (*IN_AN_IMAGE, "constraints.txt", "container", "pyproject.toml"):
            _copy(CHECKOUT / name, folder / name)
        for path in [folder, *folder.rglob("*")] if how else []:
            os.chown(path, how["user"], how["group"])
        command = ["sh", str(folder / "container" / "build.sh"), *words]
        names = {**os.environ, "PYTHON": python, "HOME": str(folder) if how else os.environ["HOME"]}
        ended = subprocess.run(
            command, env=names, cwd="/", capture_output=True, text=True, check=False, **how
        )
        assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
        return folder / "container" / "portable.sif"

    return build


@pytest.fixture(scope="session")
def image_cache() -> Path:
    """Where images are kept from one run of the tests to the next, shared by those that run side by side."""
    folder = Path(tempfile.gettempdir(), f"jamcam-test-images-{os.getuid()}")
    folder.mkdir(mode=0o755, exist_ok=True)
    assert folder.stat().st_uid == os.getuid(), f"{folder} belongs to somebody else"
    return folder


@pytest.fixture(scope="session")
def debian_image(apptainer: str, image_cache: Path) -> Path:
    """A Debian with Python and nothing of ours, made from its packages."""
    image = image_cache / "debian.sif"
    with _alone(image_cache):
        if not image.exists():
            template = runpy.run_path(str(CHECKOUT / "container" / "template.py"))
            runtime = runpy.run_path(str(CHECKOUT / "container" / "runtime.py"))
            definition, half = image.with_suffix(".def"), image.with_suffix(".part")
            definition.write_text(template["BASES"]["debootstrap"])
            command = [apptainer, "build", "--force", *runtime["SQUASHFS"]]
            command += ["--build-arg", f"MIRROR={runtime['debian_mirror']()}"]
            command += [] if os.getuid() == 0 else ["--fakeroot"]
            ended = subprocess.run([*command, half, definition], capture_output=True, text=True, check=False)
            assert ended.returncode == 0, ended.stderr[-3000:]
            half.rename(image)
    return image


@pytest.fixture(scope="session")
def portable_image(debian_image: Path, image_cache: Path, build_image: Callable[..., Path]) -> Path:
    """portable.sif of this checkout, built by whoever runs the tests."""
    with _alone(image_cache):
        return build_image(image_cache / "checkout", f"BASE=localimage:{debian_image}")


@pytest.fixture(scope="session")
def nvml_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the stand-in for libnvidia-ml.so.1; for LD_LIBRARY_PATH."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc to compile the stand-in for NVML")
    folder = tmp_path_factory.mktemp("nvml")
    source = CHECKOUT / "tests" / "fakes" / "nvml" / "nvml.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", folder / "libnvidia-ml.so.1", source], check=True)
    return folder


def _is_setting(name: str) -> bool:
    return name.startswith(("JAMCAM_", "LUIGI_", "SLURM_")) or name in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        kept = [path.name for path in target.glob("*.sif*")]
        ignored = shutil.ignore_patterns("__pycache__", "*.sif*", "*.part", *kept)
        for path in [path for path in target.iterdir() if path.name not in kept] if target.exists() else []:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
    else:
        shutil.copyfile(source, target)


def _present(folder: Path, content: str, variable: str) -> Path:
    if not folder.is_dir():
        pytest.skip(f"no {content} at {folder}; set {variable} to the folder that has them")
    return folder
