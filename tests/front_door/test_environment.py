"""What the set-up of the environment says before it fetches, and what it does when something is in its way.

The environment's own Python is a program of ours that writes down what it was asked, so nothing is fetched
here.
"""

import fcntl
import os
import re
import subprocess
import sys

import pytest

CUDA_BUILD = {
    "version": "9.9.0",
    "requires_dist": ["filelock", 'nvidia-cudnn==9; platform_system == "Linux"'],
}


def test_it_says_what_will_be_fetched_before_it_fetches(set_up, folder, fake_pip):
    result = set_up()

    assert result.returncode == 0, result.stderr
    assert "about   40 MB  luigi, numpy, pillow and what they need" in result.stdout
    assert "about  300 MB  torch 9.9.0+cpu, a CPU build, onnx and onnxruntime" in result.stdout
    assert "MB are free at" in result.stdout
    assert fake_pip.order().startswith("-m pip --disable-pip-version-check install --constraint ")
    assert fake_pip.order().endswith(" --editable .[detector,report]")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has CUDA builds as the default")
def test_a_cuda_build_is_announced_with_its_gigabytes(set_up, fake_pip):
    fake_pip(build=CUDA_BUILD)
    assert "about 3500 MB  torch 9.9.0, a CUDA build (docs/installing.md" in set_up().stdout


def test_it_goes_on_where_pip_cannot_say_which_torch_it_would_take(set_up, fake_pip):
    fake_pip(build=None)
    result = set_up()
    assert result.returncode == 0, result.stderr
    assert "300 MB if pip finds a CPU build, 3500 MB if a CUDA build" in result.stdout


@pytest.mark.parametrize(("wanted", "order"), [("base", "."), ("report", ".[report]")])
def test_without_torch_nothing_is_asked_about_torch_builds(set_up, fake_pip, wanted, order):
    result = set_up(wanted)
    assert "MB  torch" not in result.stdout
    assert ("MB  pandas, matplotlib" in result.stdout) == (wanted == "report")
    assert not any("--dry-run" in call for call in fake_pip.calls())
    assert fake_pip.order().endswith(f" --editable {order}")


def test_a_torch_that_is_already_there_is_kept(set_up, fake_pip):
    fake_pip(torch="2.6.0a0+site")
    result = set_up()
    assert "the torch that is here is kept" in result.stdout
    assert [pin for pin in fake_pip.constraints() if pin.startswith("torch==")] == ["torch==2.6.0a0+site"]


def test_a_torch_that_is_too_old_is_not_kept(set_up, fake_pip, checkout):
    fake_pip(torch="2.3.1")
    set_up()
    assert fake_pip.constraints() == re.findall(
        r"^[a-z].*", (checkout / "constraints.txt").read_text(), re.MULTILINE
    )


def test_a_larger_set_holds_the_smaller_ones(set_up, folder):
    set_up("dev")
    ready = [f".ready-{name}" for name in ("base", "bench", "detector", "dev", "predict", "report")]
    assert sorted(path.name for path in folder.glob(".ready-*")) == ready


def test_a_filled_environment_is_left_alone(set_up, folder, fake_pip):
    set_up()
    os.utime(folder / ".ready-detector", (1, 1))
    before = fake_pip.calls()

    assert set_up().stdout == ""

    assert fake_pip.calls() == before
    assert (folder / ".ready-detector").stat().st_mtime > 1, "make would ask again"


def test_new_pins_fill_it_again(set_up, folder, fake_pip):
    set_up()
    (folder / ".ready-detector").write_text("digest of other pins")
    before = fake_pip.calls()
    set_up()
    assert len(fake_pip.calls()) > len(before)


def test_a_failure_of_pip_ends_with_a_remedy_and_the_next_run_starts_again(set_up, folder, fake_pip):
    fake_pip(status=1)
    result = set_up()
    assert result.returncode == 1
    assert (
        "error: pip could not install the packages; its last lines above say why\n  try: make again"
        in result.stderr
    )
    assert not (folder / ".ready-detector").exists()

    (folder / "half-installed").touch()
    fake_pip(status=0)
    result = set_up()
    assert result.returncode == 0, result.stderr
    assert f"{folder} was left half-made: starting again" in result.stdout
    assert not (folder / "half-installed").exists()
    assert (folder / ".ready-detector").exists()


def test_a_second_make_waits_for_the_first(set_up, folder, checkout, stand_in):
    folder.mkdir()
    with (folder / ".making").open("a") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        second = subprocess.Popen(
            [sys.executable, checkout / "environment.py", folder, "base"],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(stand_in.folder)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert second.stdout.readline() == f"Another make is filling {folder}: waiting for it.\n"
        assert not (folder / "bin").exists()
    assert "Making" in second.communicate(timeout=30)[0]
    assert second.returncode == 0


def test_an_environment_of_your_own_is_filled_and_not_replaced(set_up, folder, tmp_path):
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(tmp_path / "python")
    (folder / "of-your-own").touch()
    result = set_up()
    assert "created" not in result.stdout
    assert (folder / "of-your-own").exists()


def test_what_saw_the_packages_of_the_system_sees_them_again(set_up, folder, fake_pip):
    folder.mkdir()
    (folder / "pyvenv.cfg").write_text("include-system-site-packages = true\n")
    assert "('system_site_packages', True)" in set_up().stdout


def test_without_venv_the_one_line_for_apt_is_shown(set_up, stand_in):
    stand_in("sitecustomize", "import sys\nsys.modules['ensurepip'] = None\n")
    result = set_up()
    assert result.returncode == 1
    assert result.stderr.endswith("its part 'venv' is missing\n  try: sudo apt-get install python3-venv\n")


def test_a_disk_without_room_is_found_before_anything_is_fetched(set_up, stand_in, fake_pip, folder):
    stand_in(
        "sitecustomize",
        "import shutil\nshutil.disk_usage = lambda path: shutil._ntuple_diskusage(9, 9, 7000000)\n",
    )
    result = set_up()
    assert result.returncode == 1
    assert result.stderr == (
        f"error: 7 MB are free at {folder}, about 1900 MB are needed\n"
        "  try: make room, or give another folder: make VENV=/path/on/a/larger/disk\n"
    )
    assert not any("--editable" in call for call in fake_pip.calls())


def test_a_folder_that_cannot_be_made_is_named(set_up, folder):
    folder.write_text("a file is in the way")
    result = set_up()
    assert result.returncode == 1
    assert (
        result.stderr
        == f"error: cannot write to {folder}: File exists\n  try: make VENV=/a/folder/of/yours\n"
    )


@pytest.mark.parametrize("version", ["3.6", "3.7", "3.8", "3.9"])
def test_an_old_python_is_told_that_it_is_too_old(set_up, interpreter, version):
    python = interpreter(version)
    result = set_up(python=python)
    assert result.returncode == 1
    assert result.stderr.startswith(f"error: {python} is Python {version}.")
    assert "3.10 or newer is needed\n  try: make PYTHON=python3.12" in result.stderr
