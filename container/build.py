"""Build a container image beside this file.

build.sh [ENGINE=portable|tao] [TAO_VERSION=3.21.11] [TAO_IMAGE=…] [BASE=debootstrap|docker|localimage:FILE]

TAO_VERSION  a release that template.py lists
TAO_IMAGE    an image in place of NVIDIA's: registry/name:tag[@sha256:…], or a file .sif
BASE         what portable.sif stands on; debootstrap where it is installed, else docker

From the environment: PYTHON, whose pip fetches the packages; APPTAINER_CACHEDIR and APPTAINER_TMPDIR.
"""

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import template
from runtime import SQUASHFS, build, fail, find_runtime, label

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CONTENTS = ("LICENSE", "harness", "luigi.cfg", "made_frames", "probe", "specs", "yolo_v4")
SCRIPTS = ("container/describe.py", "container/install.sh")
PINS = ("constraints.txt", "pyproject.toml")
# What a reference to an image or a path must not have in it: a shell of root gets it in quotes, and the
# runtime replaces what is in braces.
SPECIAL = re.compile(r"['{}\x00-\x1f]")
# The newest glibc that packages may ask for: TAO 3's image is an Ubuntu 18.04, Debian 12 has 2.36.
GLIBC_MINOR = {"tao": 27, "portable": 36}


@dataclass(frozen=True)
class Order:
    """What to build, as given on the command line."""

    engine: str = "portable"
    tao_version: str = "3.21.11"
    tao_image: str = ""
    base: str = ""

    @property
    def image(self) -> Path:
        """Where the finished image goes."""
        return HERE / f"{template.NAME if self.engine == 'tao' else 'portable'}.sif"

    @property
    def local(self) -> Path | None:
        """The image file that this one is made from, or None."""
        given = self.tao_image if self.engine == "tao" else self.base.partition("localimage:")[2]
        return Path(given).resolve() if given.startswith("/") or given.endswith(".sif") else None

    def definition(self, **facts: str) -> str:
        """The text of the definition file."""
        if self.engine == "portable":
            return template.portable(self.base, **facts)
        return template.tao(self.tao_version, image=self.tao_image, **facts)


def main(words: list[str]) -> None:
    """Build what is asked for, unless the image that is there was made from the same."""
    order, runtime = understand(words), find_runtime()
    if order.engine == "tao" and platform.machine() != "x86_64":
        fail(f"NVIDIA's image is for x86_64, and this is {platform.machine()}", "ENGINE=portable")
    facts = {"base_digest": f"sha256:{sha256(order.local)}"} if order.local else {}
    inputs = inputs_digest(order.definition(commit="", **facts))
    if label(runtime, order.image, "org.jamcam.inputs") == inputs:
        print(f"{order.image} is up to date")
        return
    definition = order.definition(inputs=inputs, **facts)
    order.image.with_suffix(".def").write_text(definition)
    with work_folder(order.image) as (stage, half):
        print("1/3 packages, fetched with pip's own settings", flush=True)
        fill_stage(order, stage)
        print(f"2/3 {runtime} builds from {order.image.with_suffix('.def').name}; minutes", flush=True)
        build(runtime, half, order.image.with_suffix(".def"), stage)
        print("3/3 digest and manifest", flush=True)
        publish(runtime, half, order.image, hashlib.sha256(definition.encode()).hexdigest())
    print(f"{order.image} is ready: {order.image.stat().st_size / 1e6:.0f} MB")


def understand(words: list[str]) -> Order:
    """The order that NAME=VALUE words give."""
    if {"-h", "--help"} & {*words}:
        print(__doc__.strip())
        sys.exit()
    order = Order()
    for word in words:
        name, _, value = word.partition("=")
        if name not in {"ENGINE", "TAO_VERSION", "TAO_IMAGE", "BASE"} or not value:
            fail(f"'{word}' is nothing that this takes", "container/build.sh --help", status=2)
        order = replace(order, **{name.lower(): value})
    if order.engine not in GLIBC_MINOR:
        fail(f"ENGINE is {order.engine}, expected portable or tao", "ENGINE=portable", status=2)
    if order.tao_version not in template.RELEASES and not order.tao_image:
        known = ", ".join(template.RELEASES)
        fail(f"TAO_VERSION is {order.tao_version}, expected one of {known}", "TAO_VERSION=5.0.0", status=2)
    if not order.base:
        there = shutil.which("debootstrap", path=f"{os.environ['PATH']}:/usr/sbin")
        order = replace(order, base="debootstrap" if there else "docker")
    if order.base not in template.BASES and not order.base.startswith("localimage:"):
        fail(f"BASE is {order.base}", "BASE=debootstrap, BASE=docker or BASE=localimage:FILE.sif", status=2)
    if special := SPECIAL.search(f"{order.tao_image}{order.base}{order.local or ''}"):
        fail(f"found {special[0]!r} in the name of an image", "give it another name", status=2)
    if not re.fullmatch(r"[\w.+-]+", order.tao_version):
        fail(f"TAO_VERSION is {order.tao_version!r}", "TAO_VERSION=5.0.0", status=2)
    if order.local is None:
        return order
    if not order.local.is_file():
        fail(f"there is no image {order.local}", "correct the path", status=2)
    # As absolute paths, because the runtime works in a folder of its own.
    if order.engine == "tao":
        return replace(order, tao_image=str(order.local))
    return replace(order, base=f"localimage:{order.local}")


def inputs_digest(definition: str) -> str:
    """Digest of all that decides what is in the image, apart from what registries and mirrors serve."""
    roots = [ROOT / name for name in (*CONTENTS, *SCRIPTS, *PINS)]
    files = [path for root in roots for path in (root, *sorted(root.rglob("*")))]
    settings = sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith("PIP_"))
    lines = [
        f"{path.relative_to(ROOT)} {sha256(path)}"
        for path in files
        if path.is_file() and path.suffix != ".pyc"
    ]
    return hashlib.sha256("\n".join([definition, *SQUASHFS, *settings, *lines]).encode()).hexdigest()


@contextlib.contextmanager
def work_folder(image: Path) -> Iterator[tuple[Path, Path]]:
    """A folder for what goes in, and a name for the unfinished image; neither outlives the build.

    Not in the home, where quotas are small, unless the user says so.
    """
    parent = Path(os.environ.get("APPTAINER_TMPDIR") or tempfile.gettempdir())
    half = image.with_name(f".{image.name}.{os.getpid()}.part")
    try:
        stage = Path(tempfile.mkdtemp(prefix="jamcam-image-", dir=parent))
    except OSError as error:
        fail(f"cannot write to {parent}: {error.strerror}", "APPTAINER_TMPDIR=/a/folder/of/yours")
    try:
        yield stage, half
    finally:
        half.unlink(missing_ok=True)
        shutil.rmtree(stage, ignore_errors=True)


def fill_stage(order: Order, stage: Path) -> None:
    """Put into `stage/jamcam` what the image gets: our packages as they are here, others as wheels."""
    wheels = stage / "jamcam" / "wheels"
    wheels.mkdir(parents=True)
    (stage / "jamcam" / "container").mkdir()
    for name in (*CONTENTS, *SCRIPTS):
        source, target = ROOT / name, stage / "jamcam" / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    (wheels / "requirements.txt").write_text(template.requirements(detector=order.engine == "portable"))
    machine = platform.machine()
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(5, GLIBC_MINOR[order.engine] + 1)]
    tags += [f"manylinux{year}_{machine}" for year in ("1", "2010", "2014")]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--only-binary=:all:"]
    pip += [
        "--implementation=cp",
        "--python-version=3.11",
        "--abi=cp311",
        *(f"--platform={tag}" for tag in tags),
    ]
    pip += ["--constraint", str(ROOT / "constraints.txt"), "--dest", str(wheels)]
    if subprocess.run(
        [*pip, "--requirement", str(wheels / "requirements.txt"), "pip"], check=False
    ).returncode:
        fail(
            "pip could not fetch the packages; its last lines above say why",
            "again where there is a network; behind a proxy set HTTPS_PROXY, for a mirror PIP_INDEX_URL; "
            "or PYTHON=/a/python/that/has/pip",
        )
    if order.engine == "tao":
        shutil.copyfile(python_archive(), stage / "jamcam" / "python.tar.gz")


def python_archive() -> Path:
    """The relocatable Python: fetched once, or put here by hand; its digest is checked each time."""
    archive = HERE / template.PYTHON.rpartition("/")[2]
    if not archive.exists():
        print(f"    {template.PYTHON}", flush=True)
        half = archive.with_suffix(".part")
        try:
            with urllib.request.urlopen(template.PYTHON, timeout=60) as source, half.open("wb") as stream:
                shutil.copyfileobj(source, stream)
        except OSError as error:
            half.unlink(missing_ok=True)
            fail(f"cannot fetch {template.PYTHON}: {error}", f"fetch it elsewhere and put it into {HERE}")
        half.replace(archive)
    if sha256(archive) != template.PYTHON_SHA256:
        fail(
            f"the sha256 of {archive} is {sha256(archive)}, expected {template.PYTHON_SHA256}",
            f"rm {archive}",
        )
    return archive


def publish(runtime: str, half: Path, image: Path, definition_sha256: str) -> None:
    """Put digest and manifest beside the image, and last the image under its final name."""
    inside = [runtime, "exec", str(half), "cat", "/jamcam/manifest.json"]
    manifest = json.loads(subprocess.run(inside, capture_output=True, check=True).stdout)
    manifest |= {"image": image.name, "sha256": sha256(half), "bytes": half.stat().st_size}
    manifest["definition_sha256"] = definition_sha256
    for suffix, text in (
        (".sif.json", json.dumps(manifest, indent=2, sort_keys=True) + "\n"),
        (".sif.sha256", f"{manifest['sha256']}  {image.name}\n"),
    ):
        aside = half.with_suffix(suffix)
        aside.write_text(text)
        aside.replace(image.with_suffix(suffix))
    half.replace(image)


def sha256(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        digest = hashlib.sha256()
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit("interrupted: nothing half-built is left")
    except OSError as error:  # shutil.Error is one
        fail(f"cannot build the image: {error}", "free space, or TMPDIR= a folder that has some")
    except subprocess.CalledProcessError as error:
        fail(
            f"what was built cannot be run: {error.stderr.decode(errors='replace').strip() or error}",
            "try that image by hand, and build on a machine that can run it",
        )
