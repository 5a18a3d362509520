"""build.sh with stand-ins for Apptainer and pip on its path: what it asks of them, and how they may fail."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

RUNTIME = r"""#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
case "$1 $2" in
"build --help") echo "--mksquashfs-args --build-arg" ;;
"build "*)
    for last; do before=$image; image=$last; done
    env | grep -E '^(APPTAINER|SINGULARITY)_(CACHE|TMP)DIR=' | sort >> "$CALLS.environment"
    find . -type f | sort > "$CALLS.stage"
    echo half > "$before"
    if [ -n "$NAP" ]; then echo napping; sleep "$NAP"; fi
    if [ -n "$COMPLAINT" ]; then echo "$COMPLAINT"; exit 255; fi
    cp "$image" "$before" ;;
"inspect --labels") sed -n 's/^    org.jamcam.inputs /org.jamcam.inputs: /p' "$3" ;;
"exec "*)
    if [ -n "$BROKEN" ]; then echo "FATAL: exec format error" >&2; exit 255; fi
    echo '{"engine": "portable", "engine_digest": "abc"}' ;;
esac
"""
PIP = """
import sys
print("asked:", *sys.argv[1:])
sys.exit("no network" if "NO_NETWORK" in __import__("os").environ else 0)
"""


class Builder:
    """Runs build.sh in a checkout of its own, from another folder."""

    def __init__(self, checkout, folder):
        self.container, self.calls, self.folder = checkout / "container", folder / "calls", folder
        self.runtimes, self.python = folder / "bin", folder / "python"
        (self.python / "pip").mkdir(parents=True)
        (self.python / "pip" / "__init__.py").touch()
        (self.python / "pip" / "__main__.py").write_text(PIP)
        self.runtimes.mkdir()
        # A real Apptainer stands among the machine's programs.
        self.programs = folder / "programs"
        self.programs.mkdir()
        for name in ("basename", "cp", "dirname", "env", "find", "git", "grep", "sed", "sh", "sleep", "sort"):
            (self.programs / name).symlink_to(shutil.which(name) or "/none")
        self.have("apptainer", "debootstrap", "unshare")

    def have(self, *names):
        for path in self.runtimes.iterdir():
            path.unlink()
        for name in names:
            (self.runtimes / name).write_text(
                RUNTIME if name in ("apptainer", "singularity") else "#!/bin/sh\n"
            )
            (self.runtimes / name).chmod(0o755)

    def how(self, **environment):
        return {
            "cwd": self.folder,
            "text": True,
            "env": {
                "PATH": f"{self.runtimes}:{self.programs}",
                "PYTHON": sys.executable,
                "PYTHONPATH": str(self.python),
                "TMPDIR": str(self.folder),
                "CALLS": str(self.calls),
                "COMPLAINT": "",
                **environment,
            },
        }

    def __call__(self, *words, status=0, **environment):
        command = [self.container / "build.sh", *words]
        ended = subprocess.run(command, capture_output=True, check=False, **self.how(**environment))
        assert ended.returncode == status, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    def built(self):
        return [
            line for line in self.calls.read_text().splitlines() if " build " in line and "--help" not in line
        ]


@pytest.fixture
def build(copied_checkout, tmp_path):
    return Builder(copied_checkout, tmp_path)


def test_an_image_comes_with_its_definition_its_digest_and_its_manifest(build):
    printed = build()

    image = build.container / "portable.sif"
    definition = (build.container / "portable.def").read_text()
    digest = hashlib.sha256(image.read_bytes()).hexdigest()
    assert (build.container / "portable.sif.sha256").read_text() == f"{digest}  portable.sif\n"
    assert json.loads((build.container / "portable.sif.json").read_text()) == {
        "bytes": image.stat().st_size,
        "definition_sha256": hashlib.sha256(definition.encode()).hexdigest(),
        "engine": "portable",
        "engine_digest": "abc",
        "image": "portable.sif",
        "sha256": digest,
    }
    assert f"{image} is ready" in printed
    header = (
        "Bootstrap: debootstrap\nOSVersion: bookworm\nMirrorURL: {{ MIRROR }}\n"
        "Include: ca-certificates python3\n\n"
    )
    assert definition.startswith(header + "%files\n")


def test_what_goes_in_is_our_packages_and_wheels_for_the_images_python_and_glibc(build):
    printed = build()

    (asked,) = [line for line in printed.splitlines() if line.startswith("asked: ")]
    assert "download --only-binary=:all: --implementation=cp --python-version=3.11 --abi=cp311" in asked
    assert "--platform=manylinux_2_36_" in asked
    assert "--platform=manylinux_2_37_" not in asked
    staged = Path(f"{build.calls}.stage").read_text().split()
    roots = {path.split("/")[2] for path in staged}
    assert roots == {
        "LICENSE",
        "container",
        "harness",
        "luigi.cfg",
        "made_frames",
        "probe",
        "specs",
        "wheels",
        "yolo_v4",
    }
    assert "./jamcam/specs/recipes/smoke.toml" in staged
    assert not [path for path in staged if "__pycache__" in path]


def test_tao_gets_the_base_packages_only_and_none_newer_than_its_glibc(build):
    # No network to fetch the relocatable Python from, so it stops there; pip was asked before.
    printed = build(
        "ENGINE=tao", status=1, HTTPS_PROXY="http://127.0.0.1:9", https_proxy="http://127.0.0.1:9"
    )

    assert "--platform=manylinux_2_27_" in printed
    assert "--platform=manylinux_2_28_" not in printed
    assert "cannot fetch https://github.com/astral-sh/python-build-standalone/" in printed
    assert "fetch it elsewhere and put it into" in printed
    assert not list(build.container.glob("*.part"))


def test_a_python_with_another_digest_is_not_used(build):
    name = "cpython-3.11.14+20251031-x86_64-unknown-linux-gnu-install_only.tar.gz"
    (build.container / name).write_bytes(b"something else")
    assert "expected 60f0bd473d861cc45d3401d9914e47ccb9fa037f88a91879ed517a62042b8477" in build(
        "ENGINE=tao", status=1
    )


def test_root_builds_directly_and_others_with_fakeroot_off_their_home(build):
    build()

    (line,) = build.built()
    who = "" if os.getuid() == 0 else "--fakeroot "
    half = build.container / ".portable.sif.*.part"
    mirror = line.split("MIRROR=")[1].split(" ")[0]
    words = line.split(" ")
    assert Path(words[-2]).match(str(half))
    assert line == (
        f"apptainer build {who}--mksquashfs-args -comp lz4 --build-arg MIRROR={mirror} "
        f"{words[-2]} {build.container / 'portable.def'}"
    )
    folders = Path(f"{build.calls}.environment").read_text().splitlines()
    assert len(folders) == 4
    assert all(f"={build.folder}/jamcam-image-" in folder for folder in folders)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_whom_the_machine_gives_no_namespace_is_told_where_to_build(checkout, build):
    (build.runtimes / "unshare").write_text("#!/bin/sh\nexit 1\n")
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to others
        shutil.copytree(
            checkout / "container", Path(folder, "container"), ignore=shutil.ignore_patterns("*.sif*")
        )
        shutil.copytree(build.runtimes, Path(folder, "bin"))
        Path(folder).chmod(0o755)
        ended = subprocess.run(
            [Path(folder, "container", "build.sh")],
            env={"PATH": f"{folder}/bin:/usr/bin:/bin", "PYTHON": "/usr/bin/python3"},
            user=65534,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 1
    assert "gives ordinary users no namespace to build in" in ended.stderr
    assert "docs/containers.md" in ended.stderr


def test_singularity_is_taken_where_there_is_no_apptainer(build):
    build.have("singularity")
    build("BASE=docker")
    (line,) = build.built()
    assert line.startswith("singularity build ")
    assert (
        (build.container / "portable.def")
        .read_text()
        .startswith("Bootstrap: docker\nFrom: debian:bookworm-slim\n")
    )


def test_nothing_is_built_again_until_an_input_changes(build):
    build()
    assert build().endswith("portable.sif is up to date\n")
    assert len(build.built()) == 1

    with (build.container.parent / "specs" / "recipes" / "smoke.toml").open("a") as stream:
        stream.write("# a remark\n")
    build()
    assert len(build.built()) == 2
    build("BASE=docker")
    assert len(build.built()) == 3


def test_an_image_file_can_be_the_base(build):
    base = build.folder / "my base.sif"
    base.write_bytes(b"x")
    build("BASE=localimage:my base.sif")
    text = (build.container / "portable.def").read_text()
    assert text.startswith(f"Bootstrap: localimage\nFrom: {base}\n")
    assert f"org.jamcam.base-digest sha256:{hashlib.sha256(b'x').hexdigest()}\n" in text


@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ("ENGINE=darknet", "ENGINE is darknet, expected portable or tao"),
        ("TAO_VERSION=6.0.0", "TAO_VERSION is 6.0.0, expected one of 3.21.08, 3.21.11"),
        ("BASE=alpine", "BASE is alpine"),
        ("BASE=localimage:none.sif", "there is no image"),
        ("BASE=localimage:it's.sif", 'found "\'" in the name of an image'),
        ("TAO_IMAGE=registry/tao:5$(reboot)\n%post", "found '\\n' in the name of an image"),
        ("COLOUR=blue", "'COLOUR=blue' is nothing that this takes"),
        ("ENGINE=", "'ENGINE=' is nothing that this takes"),
    ],
)
def test_a_wrong_order_is_usage(build, word, complaint):
    printed = build(word, status=2)
    assert printed.startswith(f"error: {complaint}")
    assert "\n  try: " in printed
    assert not build.calls.exists()


def test_without_a_runtime_the_way_out_is_named(build):
    build.have()
    assert build(status=1) == (
        "error: neither apptainer nor singularity is on PATH\n"
        "  try: install Apptainer, or build elsewhere and copy the image here: docs/containers.md\n"
    )


@pytest.mark.parametrize(
    ("complaint", "meaning", "remedy"),
    [
        (
            "FATAL: reading manifest: unauthorized: authentication required",
            "refuses to hand out",
            "'$oauthtoken'",
        ),
        ("FATAL: denied: requested access to the resource is denied", "refuses to hand out", "your NGC key"),
        ("FATAL: write: no space left on device", "the disk is full", "APPTAINER_TMPDIR"),
        ("FATAL: dial tcp: lookup nvcr.io: no such host", "the network does not reach", "BASE=localimage"),
        ("FATAL: no mapping entry found in /etc/subuid for user", "as an ordinary user", "/etc/subuid"),
        ("FATAL: on strike", "its last lines above say why", ""),
    ],
)
def test_a_failed_build_is_explained_and_leaves_the_old_image(build, complaint, meaning, remedy):
    image = build.container / "portable.sif"
    image.write_text("the old one")
    printed = build(status=1, COMPLAINT=complaint)
    assert complaint in printed
    assert meaning in printed
    assert remedy in printed.partition("  try: ")[2]
    assert image.read_text() == "the old one"
    assert {
        path.name
        for path in build.container.iterdir()
        if path.suffix in (".part", ".sif", ".sha256", ".json")
    } == {"portable.sif"}
    assert not list(build.folder.glob("jamcam-image-*"))


def test_what_was_built_and_cannot_be_run_is_told_and_not_published(build):
    printed = build(status=1, BROKEN="1")
    assert "error: what was built cannot be run: FATAL: exec format error\n  try: " in printed
    assert not (build.container / "portable.sif").exists()
    assert not list(build.container.glob(".*.part"))


def test_a_folder_that_cannot_take_the_build_is_told(build):
    (build.container / "portable.def").mkdir()
    printed = build(status=1)
    assert "error: cannot build the image: [Errno 21] Is a directory: " in printed
    assert "  try: free space, or TMPDIR= a folder that has some" in printed


def test_packages_that_cannot_be_fetched_stop_the_build(build):
    printed = build(status=1, NO_NETWORK="1")
    assert "error: pip could not fetch the packages" in printed
    assert not build.calls.exists() or build.built() == []


def test_an_interrupted_build_takes_the_runtime_with_it_and_leaves_nothing(build):
    with subprocess.Popen(
        [build.container / "build.sh"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **build.how(NAP="61.5"),
    ) as process:
        for line in process.stdout:
            if line == "napping\n":
                break
        process.send_signal(signal.SIGTERM)
        _, complaint = process.communicate()
    assert complaint == "interrupted: nothing half-built is left\n"
    assert not list(build.container.glob(".*.part"))
    assert not list(build.folder.glob("jamcam-image-*"))
    assert (
        "sleep 61.5"
        not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    )
