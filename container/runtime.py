"""Apptainer or Singularity on this machine: which one, whether and how it builds, what its errors mean."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

PROGRAMS = ("apptainer", "singularity")
# Every start of an engine unpacks some 200 MB of the image again, with lz4 in two thirds of the time of zstd.
SQUASHFS = ("--mksquashfs-args", "-comp lz4")
# What the runtime prints when a build fails -> what that means and what to do. The first that fits is said.
CAUSES = (
    (
        r"unauthorized|denied: |403 Forbidden|401 Unauthorized|authentication required",
        "the registry refuses to hand out the image",
        "set APPTAINER_DOCKER_USERNAME='$oauthtoken' and APPTAINER_DOCKER_PASSWORD to your NGC key: "
        "docs/containers.md",
    ),
    (
        r"no space left on device",
        "the disk is full",
        "make room, or APPTAINER_TMPDIR=/a/folder/on/a/larger/disk",
    ),
    (
        r"dial tcp|no such host|Could not resolve|network is unreachable|i/o timeout|Couldn't download",
        "the network does not reach what the image is made from",
        "again where there is a network, or TAO_IMAGE=FILE.sif, or BASE=localimage:FILE.sif",
    ),
    (
        r"subuid|newuidmap|user namespace|fakeroot",
        "this machine does not let you build as an ordinary user",
        "ask for a line of yours in /etc/subuid and /etc/subgid, or build elsewhere and copy: "
        "docs/containers.md",
    ),
)


def find_runtime() -> str:
    """The first of PROGRAMS on PATH, where this user may build with it; platform files are not read."""
    runtime = next(filter(shutil.which, PROGRAMS), None)
    elsewhere = "install Apptainer, or build elsewhere and copy the image here: docs/containers.md"
    if runtime is None:
        fail(f"neither {' nor '.join(PROGRAMS)} is on PATH", elsewhere)
    if (
        os.getuid()
        and subprocess.run(["unshare", "--user", "true"], stderr=subprocess.DEVNULL, check=False).returncode
    ):
        fail("you are not root, and this machine gives ordinary users no namespace to build in", elsewhere)
    return runtime


def label(runtime: str, image: Path, name: str) -> str | None:
    """A label of an image, or None where there is no such image or label."""
    if not image.exists():
        return None
    shown = subprocess.run(
        [runtime, "inspect", "--labels", str(image)], capture_output=True, text=True, check=False
    )
    found = re.search(rf"^{re.escape(name)}: (.*)$", shown.stdout, re.M)
    return found[1] if found else None


def build(runtime: str, half: Path, definition: Path, stage: Path) -> None:
    """Let the runtime build `half`; its words are shown and explained where it fails."""
    takes = subprocess.run([runtime, "build", "--help"], capture_output=True, text=True, check=False).stdout
    command = [runtime, "build", *(["--fakeroot"] if os.getuid() else [])]
    command += SQUASHFS if "--mksquashfs-args" in takes else []
    if "MirrorURL" in definition.read_text():
        command += ["--build-arg", f"MIRROR={debian_mirror()}"]
    cache = os.environ.get("APPTAINER_CACHEDIR") or str(stage / "cache")
    names = {**os.environ, "APPTAINER_TMPDIR": str(stage), "APPTAINER_CACHEDIR": cache}
    names |= {"SINGULARITY_TMPDIR": str(stage), "SINGULARITY_CACHEDIR": cache}
    status, words = run([*command, str(half), str(definition)], stage, names)
    if status:
        for pattern, meaning, remedy in CAUSES:
            if re.search(pattern, words, re.I):
                fail(f"{runtime} could not build the image: {meaning}", remedy)
        fail(f"{runtime} could not build the image; its last lines above say why", "mend that, then again")


def run(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Run a program and show what it prints; its exit status and last lines. It ends when we end."""
    said = b""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            for line in process.stdout or ():
                sys.stdout.buffer.write(line)
                sys.stdout.flush()
                said = (said + line)[-20000:]
            status = process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return status, said.decode(errors="replace")


def debian_mirror() -> str:
    """The mirror that this machine uses where it is a Debian, else the one debootstrap would take."""
    places = [("/usr/sbin/debootstrap", r'^DEF_MIRROR="(.+)"')]
    if Path("/etc/debian_version").exists() and not Path("/etc/lsb-release").exists():  # which Ubuntu has
        places = [("/etc/apt/sources.list.d/debian.sources", r"^URIs: *(\S+)"), *places]
    for path, pattern in places:
        with contextlib.suppress(OSError):
            if found := re.search(pattern, Path(path).read_text(), re.M):
                return found[1]
    return fail("debootstrap names no mirror of Debian", "BASE=docker")


def fail(message: str, remedy: str, *, status: int = 1) -> NoReturn:
    """End with what was found and what to do."""
    print(f"error: {message}\n  try: {remedy}", file=sys.stderr)
    sys.exit(status)
