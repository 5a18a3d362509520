"""Makes the Python environment that `make` uses: `environment.py FOLDER SET`.

The sets are base, report, detector, predict, bench and dev.

Standard library only. It must stay readable for Python 3.6, so that an old Python can be told that it is too
old. A folder `.venv` of your own (`python3 -m venv --system-site-packages .venv`) is filled, not replaced,
and a torch that it already sees is kept.
"""

import sys

if sys.version_info < (3, 10):  # noqa: UP036 - this is where the rule is enforced
    sys.exit(
        f"error: {sys.executable} is Python {sys.version.split()[0]}, 3.10 or newer is needed\n"
        "  try: make PYTHON=python3.12, with the name of a newer one you have"
    )

import contextlib
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
import tempfile
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple, NoReturn

ROOT = Path(__file__).resolve().parent
CONSTRAINTS = ROOT / "constraints.txt"
EXTRAS = {
    "base": "",
    "report": "[report]",
    "detector": "[detector,report]",
    "bench": "[detector,report,bench]",
}
INCLUDES = {name: tuple(EXTRAS)[: number + 1] for number, name in enumerate(EXTRAS)}
EXTRAS["predict"] = "[detector,report,video]"
INCLUDES["predict"] = ("base", "report", "detector", "predict")
EXTRAS["dev"] = "[detector,report,bench,visualizer,video,dev]"
INCLUDES["dev"] = tuple(EXTRAS)
OLDEST_TORCH = (2, 4)
# Settings with which pip installs into another place, or not at all.
ELSEWHERE = ("dry-run", "no-deps", "prefix", "python", "root", "target")
# Packages whose module has another name.
MODULES = {"nvidia-ml-py": "pynvml", "pillow": "PIL", "protobuf": "google.protobuf", "pytest-xdist": "xdist"}
MODULES |= {"tensorboardx": "tensorboardX"}


class Size(NamedTuple):
    """What an installation costs, rounded up: base and CPU build as measured, CUDA build as an estimate."""

    words: str
    fetch_mb: int
    disk_mb: int


BASE = Size("luigi, numpy, pillow and what they need", 40, 200)
REPORT = Size("pandas, matplotlib and what they need", 40, 200)
VIDEO = Size("PyAV, which reads videos", 40, 120)
TOOLS = Size("tools to measure and test with", 40, 200)
TORCH_KEPT = Size("onnx, onnxruntime and what they need; the torch that is here is kept", 60, 300)
TORCH_CPU = Size("torch {version}, a CPU build, onnx and onnxruntime", 300, 1500)
TORCH_CUDA = Size(
    "torch {version}, a CUDA build (docs/installing.md tells how to take a smaller one)", 3500, 9000
)
TORCH_UNKNOWN = Size(
    "torch (300 MB if pip finds a CPU build, 3500 MB if a CUDA build), onnx, onnxruntime", 300, 1500
)


def main(arguments: list[str]) -> None:
    """Make `FOLDER` hold what the named set needs; do nothing where it does."""
    if len(arguments) != 2 or arguments[1] not in EXTRAS:
        fail(
            f"found the arguments {arguments}, expected a folder and one of {', '.join(EXTRAS)}", "make help"
        )
    folder, wanted = Path(arguments[0]).absolute(), arguments[1]
    stamp = folder / f".ready-{wanted}"
    with only_maker(folder) as half_made:
        if half_made.read():
            print(f"{folder} was left half-made: starting again", flush=True)
            empty(folder)
        elif stamp.exists() and stamp.read_text() == inputs_digest():
            stamp.touch()  # newer than its inputs again, for make
            return
        fill(folder, wanted, half_made)
        for name in INCLUDES[wanted]:
            (folder / f".ready-{name}").write_text(inputs_digest())


def fill(folder: Path, wanted: str, half_made: IO[str]) -> None:
    """Create the environment where it is missing and let pip install the project and the extras into it."""
    python = folder / "bin" / "python"
    ignored = ignore_variables()
    if importlib.util.find_spec("ensurepip") is None and not python.exists():
        fail(
            f"Python at {sys.executable} cannot make environments: its part 'venv' is missing",
            "sudo apt-get install python3-venv",
        )
    half_made.write("started, not finished\n")
    half_made.flush()
    if not python.exists():
        print(f"Making {folder} for Python {sys.version.split()[0]}, once.", flush=True)
        create(folder)
    if ignored:
        print(
            f"Packages go to {folder}; ignored, because they lead elsewhere: {', '.join(ignored)}", flush=True
        )
    setting = setting_of_pip(python, ELSEWHERE)
    if setting:
        fail(f"with {setting[0]} pip would not install into {folder}", setting[1])
    kept = torch_that_is_here(python)
    announce(folder, parts(python, wanted, kept))
    install(python, wanted, kept, lock=half_made)
    try_out(folder, wanted, kept)
    half_made.truncate(0)


def ignore_variables() -> list[str]:
    """Take those variables away that lead pip or the environment's Python to another place; their names."""
    names = [variable_of_pip(name) for name in (*ELSEWHERE, "user")]
    ignored = [name for name in (*names, "PYTHONHOME", "PYTHONPATH") if os.environ.pop(name, None)]
    os.environ["PIP_USER"] = "0"  # goes before `user = true` in a configuration file of pip's
    return ignored


def parts(python: Path, wanted: str, kept_torch: str | None) -> list[Size]:
    """What the set consists of."""
    if wanted in ("base", "report"):
        return [BASE, REPORT] if wanted == "report" else [BASE]
    torch = TORCH_KEPT if kept_torch else torch_size(python)
    more = {"predict": [VIDEO], "bench": [TOOLS], "dev": [TOOLS, VIDEO]}
    return [BASE, REPORT, torch, *more.get(wanted, [])]


def announce(folder: Path, parts: list[Size]) -> None:
    """Say what will be fetched and how big it is, and stop where the disk has no room for it."""
    print("pip will fetch, with its own settings (pip config list), what is not yet in its cache:")
    for part in parts:
        print(f"  about {part.fetch_mb:>4} MB  {part.words}")
    needed_mb, free_mb = sum(part.disk_mb for part in parts), shutil.disk_usage(folder).free // 10**6
    print(f"  on disk about {needed_mb} MB at most; {free_mb} MB are free at {folder}", flush=True)
    if free_mb < needed_mb:
        fail(
            f"{free_mb} MB are free at {folder}, about {needed_mb} MB are needed",
            "make room, or give another folder: make VENV=/path/on/a/larger/disk",
        )


def torch_size(python: Path) -> Size:
    """What pip would fetch for torch here: asked, because it depends on pip's settings."""
    question = [
        "install",
        "--dry-run",
        "--no-deps",
        "--quiet",
        "--report",
        "-",
        "-c",
        str(CONSTRAINTS),
        "torch",
    ]
    answer = subprocess.run(
        pip(python, *question), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    try:
        found = json.loads(answer.stdout)["install"][0]["metadata"]
    except (ValueError, LookupError):  # an old pip, or no network: pip itself will say so in a moment
        return TORCH_UNKNOWN
    cuda = sys.platform == "linux" and any(
        line.startswith(("nvidia-", "cuda-")) for line in found["requires_dist"]
    )
    size = TORCH_CUDA if cuda else TORCH_CPU
    return size._replace(words=size.words.format(version=found["version"]))


def torch_that_is_here(python: Path) -> str | None:
    """Version of a torch the environment already sees and that is new enough, such as a site's own build."""
    question = "import importlib.metadata as m; print(m.version('torch'))"
    answer = subprocess.run([python, "-c", question], capture_output=True, text=True, check=False)
    version = answer.stdout.strip()
    release = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    return version if release >= OLDEST_TORCH else None


def install(python: Path, wanted: str, kept_torch: str | None, *, lock: IO[str]) -> None:
    """Run pip with the pins, its progress visible."""
    with tempfile.TemporaryDirectory() as aside:
        constraints, setuptools, log = (
            Path(aside, name) for name in ("constraints.txt", "setuptools.cfg", "pip.log")
        )
        constraints.write_text("".join(f"{name}=={version}\n" for name, version in pins(kept_torch).items()))
        # Without it setuptools writes its notes into the checkout, which may be read-only.
        setuptools.write_text(f"[egg_info]\negg_base = {aside}\n")
        environment = {**os.environ, "DIST_EXTRA_CONFIG": str(setuptools)}
        order = pip(python, "install", "--constraint", str(constraints), "--log", str(log))
        order += ["--editable", f".{EXTRAS[wanted]}"]
        # A pip that outlives us keeps the lock, so that no second one works beside it.
        if subprocess.run(order, cwd=ROOT, env=environment, check=False, pass_fds=[lock.fileno()]).returncode:
            conflict = log.exists() and "(constraint)" in log.read_text(errors="replace")
            explain_failure(python, conflict=conflict)


def explain_failure(python: Path, *, conflict: bool) -> NoReturn:
    """End with what kept pip from installing; a `conflict` is one of versions."""
    setting = setting_of_pip(python, ["constraint"]) if conflict else None
    if setting:
        fail(
            f"{setting[0]} asks for other versions than this project; pip's last lines above name them",
            setting[1],
        )
    fail(
        "pip could not install the packages; its last lines above say why",
        "make again once the network is there (what was fetched is kept); behind a proxy set HTTPS_PROXY,\n"
        "       for a mirror or a folder of wheels set PIP_INDEX_URL or PIP_FIND_LINKS;\n"
        "       with a Python that has the packages already: make VENV=none",
    )


def try_out(folder: Path, wanted: str, kept_torch: str | None) -> None:
    """Let the environment's Python import what was installed, and end where it cannot."""
    python = folder / "bin" / "python"
    program = f"import harness, environment; environment.import_all({wanted!r}, {kept_torch!r})"
    answer = subprocess.run([python, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    if answer.returncode:
        said = answer.stderr.strip() or f"Python ended with status {answer.returncode}"
        reason = (re.findall(r"^[\w.]+(?:Error|Exception): .*", said, re.MULTILINE) or said.splitlines())[-1]
        package = (answer.stdout.split() or ["harness"])[-1]
        fail(
            f"{folder} cannot be used, for {package} cannot be imported from it: {reason}",
            "make again, which starts anew; or with a Python that has the packages already: make VENV=none",
        )


def import_all(wanted: str, kept_torch: str | None) -> None:
    """Import every package that a set needs, in the environment's Python; exit at the first one missing."""
    versions, extras = pins(kept_torch), re.findall(r"\w+", EXTRAS[wanted])
    for line in importlib.metadata.requires("jamcam-harness") or []:
        requirement, _, condition = line.partition(";")
        extra = re.search(r"extra == ['\"](\w+)", condition)
        package = re.split(r"[^\w.-]", requirement)[0].lower()
        # A condition on the version of Python is left to pip; types are not for importing.
        if package.startswith("types-") or (condition and not (extra and extra[1] in extras)):
            continue
        print(package, flush=True)
        module = importlib.import_module(MODULES.get(package, package.replace("-", "_")))
        version = str(getattr(module, "__version__", importlib.metadata.version(package)))
        expected = versions.get(package, version)
        if version.partition("+")[0] != expected.partition("+")[0]:
            sys.exit(f"version {version} of {module.__file__}, expected {expected}")


def setting_of_pip(python: Path, names: Sequence[str]) -> tuple[str, str] | None:
    """That setting of pip's in force which has one of the names, and how to be rid of it."""
    question = pip(python, "config", "list")
    listed = subprocess.run(question, stdout=subprocess.PIPE, text=True, check=False).stdout
    for section in (":env:", "install", "global"):  # the first of them that has a setting decides it
        setting = re.search(rf"^{section}\.({'|'.join(names)})=(.*)$", listed, re.MULTILINE)
        if setting and section == ":env:":
            variable = variable_of_pip(setting[1])
            return f"the variable {variable}={setting[2]}", f"unset {variable}, then make again"
        if setting:
            remedy = "take it out of the file that `pip config debug` shows, then make again"
            return f"pip's setting {setting[0]}", remedy
    return None


def variable_of_pip(setting: str) -> str:
    """The variable that sets it."""
    return "PIP_" + setting.upper().replace("-", "_")


def pins(kept_torch: str | None) -> dict[str, str]:
    """Version of each package, with that of a torch to keep."""
    versions = dict(re.findall(r"^([\w-]+)==(\S+)$", CONSTRAINTS.read_text(), re.MULTILINE))
    return versions | ({"torch": kept_torch} if kept_torch else {})


def pip(python: Path, *arguments: str) -> list[str]:
    """A pip command; pip's own settings and variables hold."""
    return [str(python), "-m", "pip", "--disable-pip-version-check", *arguments]


def create(folder: Path) -> None:
    """Make the environment; one that saw the system's packages sees them again when it is made anew."""
    before = folder / "pyvenv.cfg"
    sees_system = before.exists() and "include-system-site-packages = true" in before.read_text()
    venv.EnvBuilder(system_site_packages=sees_system, with_pip=True, symlinks=True).create(folder)


def empty(folder: Path) -> None:
    """Remove all but the lock and the settings the environment was made with."""
    for entry in folder.iterdir():
        if entry.name not in {".making", "pyvenv.cfg"}:
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


@contextlib.contextmanager
def only_maker(folder: Path) -> Iterator[IO[str]]:
    """Hold `.making` in the folder; it is not empty while an installation is under way or was broken off."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".making").open("a+")
    except OSError as error:
        fail(f"cannot write to {folder}: {error.strerror}", "make VENV=/a/folder/of/yours")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Another make is filling {folder}: waiting for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        yield lock


def inputs_digest() -> str:
    """Digest of all that decides what is installed; it differs where an environment was not tried out."""
    inputs = b"tried out\n" + (ROOT / "pyproject.toml").read_bytes() + CONSTRAINTS.read_bytes()
    return hashlib.sha256(inputs).hexdigest()


def fail(message: str, remedy: str) -> NoReturn:
    """End with what was found and what to do."""
    sys.exit(f"error: {message}\n  try: {remedy}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit("interrupted: the next make starts again where pip's cache ends")
