"""Definition files, compared whole; release -> image as NVIDIA's launcher of that release maps yolo_v4."""

import subprocess
import sys
from pathlib import Path

import pytest

IMAGES = {
    "3.21.08": "nvcr.io/nvidia/tao/tao-toolkit-tf:v3.21.08-py3",
    "3.21.11": "nvcr.io/nvidia/tao/tao-toolkit-tf:v3.21.11-tf1.15.5-py3",
    "3.21.12": "nvcr.io/nvidia/tao/tao-toolkit-tf:v3.21.11-tf1.15.5-py3",
    "3.22.05": "nvcr.io/nvidia/tao/tao-toolkit-tf:v3.22.05-tf1.15.5-py3",
    "4.0.0": "nvcr.io/nvidia/tao/tao-toolkit:4.0.0-tf1.15.5",
    "5.0.0": "nvcr.io/nvidia/tao/tao-toolkit:5.0.0-tf1.15.5",
}
TAO_3_21_11 = """\
Bootstrap: docker
From: nvcr.io/nvidia/tao/tao-toolkit-tf:v3.21.11-tf1.15.5-py3

%files
    jamcam /

%post
    tar -x -z -f /jamcam/python.tar.gz -C /jamcam
    rm /jamcam/python.tar.gz
    sh -eu /jamcam/container/install.sh engine=tao tao_version=3.21.11 version=1.0.0 git_commit=unknown \\
        inputs=unknown 'base=nvcr.io/nvidia/tao/tao-toolkit-tf:v3.21.11-tf1.15.5-py3' base_digest=unknown

%environment
    export PATH=/jamcam/bin:$PATH JAMCAM_ENGINE=here JAMCAM_WORKSPACE=/workspace JAMCAM_TAO_VERSION=3.21.11

%runscript
    exec /jamcam/bin/jamcam "$@"

%test
    /jamcam/bin/jamcam --version
    command -v yolo_v4

%labels
    org.jamcam.engine tao
    org.jamcam.tao-version 3.21.11
    org.jamcam.version 1.0.0
    org.jamcam.git-commit unknown
    org.jamcam.inputs unknown
    org.jamcam.base nvcr.io/nvidia/tao/tao-toolkit-tf:v3.21.11-tf1.15.5-py3
    org.jamcam.base-digest unknown

%help
    The JamCam workflow with NVIDIA TAO 3.21.11. The workspace is what you bind at /workspace:
        apptainer run --nv --bind WORKSPACE:/workspace nvidia-tao.sif --all
        apptainer run --nv --bind WORKSPACE:/workspace nvidia-tao.sif --train --eval
        apptainer exec --nv --bind WORKSPACE:/workspace nvidia-tao.sif yolo_v4 train ...
    --help lists everything. TAO's packages are as NVIDIA made them; ours are in /jamcam.
"""


@pytest.fixture
def template(copied_checkout, tmp_path):
    """Runs template.py from another folder; gives its exit status, its words, and the files it wrote."""

    def run(*words):
        ended = subprocess.run(
            [sys.executable, copied_checkout / "container" / "template.py", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        written = {path.name: path.read_text() for path in Path(copied_checkout, "container").glob("*.def")}
        return ended.returncode, ended.stdout + ended.stderr, written

    return run


def test_a_definition_file_whole(template):
    assert template("3.21.11") == (0, "", {"nvidia-tao_3.21.11.def": TAO_3_21_11})


@pytest.mark.parametrize("words", [(), ("all",)])
def test_all_is_the_default_and_writes_one_for_each_release(template, words):
    _, _, written = template(*words)
    sources = {name: text.splitlines()[1] for name, text in written.items()}
    assert sources == {f"nvidia-tao_{version}.def": f"From: {image}" for version, image in IMAGES.items()}


def test_newest_is_the_last_image_that_carries_yolo_v4(template):
    assert [*template("newest")[2]] == ["nvidia-tao_5.0.0.def"]


def test_the_help_is_the_workflows(template):
    status, words, written = template("--help")
    assert (status, written) == (0, {})
    assert "usage: template.py [-h] [{all,newest,3.21.08,3.21.11,3.21.12,3.22.05,4.0.0,5.0.0}]" in " ".join(
        words.split()
    )
    assert "Template Nvidia-tao definition files" in words
    assert "Tao version" in words


def test_an_unknown_release_is_usage(template):
    status, words, written = template("3.21.13")
    assert (status, written) == (2, {})
    assert "invalid choice: '3.21.13'" in words
