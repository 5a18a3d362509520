"""Preflight of images, with a stand-in for Apptainer whose images are text files."""

import os
import re
import subprocess
import sys

import pytest

from harness.engine.checks import check
from harness.engine.image_check import SLOW_S
from harness.errors import ConfigError

OURS = "#!/usr/bin/python3\nfrom yolo_v4.cli import main\n"
NVIDIAS = "#!/usr/bin/python3\nfrom nvidia_tao_tf1.cv.yolo_v4.entrypoint.yolo_v4 import main\n"


@pytest.fixture
def contained(settings, tmp_path, monkeypatch, fake_runtime):
    """Makes settings for an engine in an image that holds the given programs, and `lines` of more."""

    def make(engine="portable", lines="", programs=(), **changes):
        inside = tmp_path / "inside"
        inside.mkdir(exist_ok=True)
        programs = dict(programs or {"yolo_v4": OURS if engine == "portable" else NVIDIAS})
        for name, text in programs.items():
            (inside / name).write_text(text)
            (inside / name).chmod(0o755)
        (tmp_path / "x.sif").write_text(f"PATH={inside}:/usr/bin:/bin\n{lines}")
        return settings(
            **{"engine": engine, "image": str(tmp_path / "x.sif"), "tao_version": "5.0.0", **changes}
        )

    monkeypatch.setenv("PATH", f"{fake_runtime}{os.pathsep}{os.environ['PATH']}")
    return make


WITH_GPU = {"nvidia-smi": "#!/bin/sh\necho 'GPU 0: NVIDIA A100 (UUID: GPU-1)'\n"}


def refused(settings):
    with pytest.raises(ConfigError) as caught:
        check(settings)
    return caught.value


def test_an_image_with_our_engine_passes_without_a_gpu(contained):
    check(contained())


def test_nvidias_engine_in_an_image_that_sees_a_gpu_passes(contained):
    check(contained("tao", programs={"yolo_v4": NVIDIAS, **WITH_GPU}))


def test_a_gpu_that_is_asked_for_and_not_seen_inside_is_refused(contained):
    assert "gpus is 2 (command line), but inside" in refused(contained(gpus="2")).message
    assert "no GPU can be seen" in refused(contained("tao")).message


def test_an_image_without_yolo_v4_is_refused(contained, tmp_path):
    assert refused(contained(programs={"true": ""})).message == f"there is no yolo_v4 in {tmp_path / 'x.sif'}"


@pytest.mark.parametrize(
    ("engine", "program", "other"), [("tao", OURS, "portable"), ("portable", NVIDIAS, "tao")]
)
def test_an_image_with_the_other_engine_is_refused(contained, engine, program, other):
    error = refused(contained(engine, programs={"yolo_v4": program}))
    assert "is not that of ENGINE=" + engine in error.message
    assert error.remedy == f"ENGINE={other}"


def test_an_image_of_another_tao_is_refused(contained):
    made = contained("tao", "JAMCAM_TAO_VERSION=3.21.11\n", {"yolo_v4": NVIDIAS, **WITH_GPU})
    error = refused(made)
    assert "holds TAO 3.21.11, and tao_version is 5.0.0 (command line)" in error.message
    assert error.remedy == "give --tao-version 3.21.11"


@pytest.mark.parametrize(
    ("complaint", "remedy"),
    [
        ("FATAL:   the image's architecture (arm64) could not run on the host's (amd64)", "architecture"),
        (
            "FATAL:   container creation failed: mount hook function failure: destination /x doesn't exist",
            "real path",
        ),
        ('FATAL:   exec: "nvidia-container-cli": executable file not found in $PATH', "container toolkit"),
        (
            "FATAL:   while mounting: squashfuse_ll exited: "
            "fuse: failed to open /dev/fuse: Permission denied",
            "fuse",
        ),
        ("FATAL:   could not create user namespace", "allow user namespaces"),
        ("FATAL:   image driver is on strike", "try it by hand"),
    ],
)
def test_what_the_runtime_complains_of_is_passed_on_with_a_remedy(contained, complaint, remedy):
    error = refused(contained(lines=complaint))
    assert error.message.endswith(complaint.removeprefix("FATAL:").strip())
    assert remedy in error.remedy


def test_a_workspace_that_cannot_be_written_inside_is_refused(contained, tmp_path):
    workspace = tmp_path / "closed"
    workspace.mkdir()
    made = contained(workspace=str(workspace), programs={"yolo_v4": OURS, "test": "#!/bin/sh\nexit 1\n"})
    # The shell's own `test` would let root write anywhere.
    (tmp_path / "inside" / "sh").write_text('#!/bin/bash\nenable -n test\n. /dev/fd/3 3<<<"$2" "${@:4}"\n')
    (tmp_path / "inside" / "sh").chmod(0o755)
    assert "cannot be written from inside" in refused(made).message


def test_a_path_that_cannot_be_bound_is_refused(contained, tmp_path):
    assert "has a colon or a comma" in refused(contained(workspace=str(tmp_path / "a:b"))).message


def test_a_slow_start_is_remarked_on_with_its_cure(contained):
    (remark,) = check(contained(lines=f"SLEEP={SLOW_S + 0.1}\n"))
    assert re.match(r"starting this image takes \d+\.\d s each time", remark)
    assert "squashfuse" in remark


def test_there_is_no_container_inside_a_container(checkout, tmp_path, fake_runtime):
    (tmp_path / "x.sif").write_text("")
    command = [
        "-m",
        "harness",
        "train",
        "--engine=portable",
        f"--image={tmp_path / 'x.sif'}",
        "--recipe=smoke",
    ]

    ended = subprocess.run(
        [sys.executable, *command, f"--workspace={tmp_path / 'ws'}"],
        cwd=checkout,
        env={**os.environ, "APPTAINER_CONTAINER": "/images/outer.sif"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "this is already inside the image /images/outer.sif" in ended.stderr
