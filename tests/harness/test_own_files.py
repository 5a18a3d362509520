"""Where the project's own files are looked for: of a checkout, and of an installed wheel in any folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.own_files import IS_INSTALLED, command, install_command, own, personal_file

CHECKOUT = Path(__file__).resolve().parents[2]
ASK = """
import sys
from harness import own_files
print(own_files.own(sys.argv[1]))
print(own_files.install_command("report", target="plots"))
print(own_files.personal_file(own_files.own("specs/platforms/jade.toml")))
print(own_files.command("bench", platform="jade", val_split="5"))
"""


@pytest.fixture
def installed(tmp_path):
    """What pip makes of a wheel, as far as these questions go."""
    packages = tmp_path / "site-packages"
    shutil.copytree(CHECKOUT / "harness", packages / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    (packages / "harness" / "carried" / "specs").mkdir(parents=True)
    (packages / "ask.py").write_text(ASK)
    return packages


@pytest.fixture
def ask(installed):
    """What an installed harness answers in a folder: path, command and personal file."""

    def run(path, folder, **names):
        known = {"HOME": "/home", **names}
        command = [sys.executable, installed / "ask.py", path]  # as pip's programs: by path
        answer = subprocess.run(command, cwd=folder, env=known, check=True, capture_output=True, text=True)
        return answer.stdout.splitlines()

    return run


@pytest.fixture
def another_checkout(tmp_path):
    """A folder with the sources of this project, as far as it is known by."""
    folder = tmp_path / "another"
    (folder / "specs" / "recipes").mkdir(parents=True)
    (folder / "harness").mkdir()
    (folder / "harness" / "own_files.py").touch()
    (folder / "pyproject.toml").write_text('[project]\nname = "jamcam-harness"\n')
    return folder


@pytest.mark.parametrize("path", ["specs", "luigi.cfg", "bench", "constraints.txt", "README.md", "yolo_v4"])
def test_in_a_checkout_they_lie_beside_the_packages(checkout, tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)

    assert not IS_INSTALLED
    assert own(path) == checkout / path


@pytest.mark.parametrize("path", ["specs", "specs/bench.toml", "luigi.cfg", "bench", "constraints.txt"])
def test_a_wheel_carries_them(ask, installed, tmp_path, path):
    assert ask(path, tmp_path)[0] == str(installed / "harness" / "carried" / path)


def test_packages_of_a_wheel_lie_where_pip_puts_them(ask, installed, tmp_path):
    assert ask("yolo_v4", tmp_path)[0] == str(installed / "yolo_v4")


@pytest.mark.parametrize(
    ("path", "is_of_checkout"),
    [("specs/recipes", True), ("luigi.cfg", True), ("README.md", True), ("bench", False), ("probe", False)],
)
def test_in_a_checkout_its_specs_and_defaults_come_first_and_never_its_code(
    ask, another_checkout, path, is_of_checkout
):
    assert (ask(path, another_checkout)[0] == str(another_checkout / path)) is is_of_checkout


@pytest.mark.parametrize("change", ["name", "no pyproject", "no specs", "no harness", "below"])
def test_a_folder_that_looks_alike_is_no_checkout(ask, installed, another_checkout, change):
    folder = another_checkout
    if change == "name":
        (folder / "pyproject.toml").write_text('[project]\nname = "jamcam-harness-fork"\n')
    elif change == "below":
        folder = folder / "specs"
    else:
        gone = {"no pyproject": "pyproject.toml", "no specs": "specs/recipes"}
        path = folder / gone.get(change, "harness/own_files.py")
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    assert ask("specs", folder)[0] == str(installed / "harness" / "carried" / "specs")


def test_a_folder_that_was_removed_under_ones_feet_is_no_checkout(ask, installed, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    found = subprocess.run(
        ["sh", "-c", f'rmdir "{gone}"; exec "$0" "$1" specs', sys.executable, installed / "ask.py"],
        cwd=gone,
        env={"HOME": "/home"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()[0]

    assert found == str(installed / "harness" / "carried" / "specs")


def test_a_remedy_is_one_that_works_there(ask, tmp_path):
    assert ask("specs", tmp_path)[1] == "pip install 'jamcam-harness[report]'"
    assert ask("specs", tmp_path)[3] == "jamcam bench --platform=jade --val-split=5"

    in_checkout = "make plots, which installs what is needed; or pip install -e '.[report]'"
    assert install_command("report", target="plots") == in_checkout
    assert install_command("bench") == "pip install -e '.[bench]'"
    assert command("bench", platform="jade", val_split="5") == "make bench PLATFORM=jade VAL_SPLIT=5"


def test_a_persons_own_additions_lie_beside_a_file_or_in_the_folder_of_settings(ask, tmp_path):
    assert personal_file(Path("specs/platforms/jade.toml")) == Path("specs/platforms/jade.mine.toml")
    assert ask("specs", tmp_path)[2] == "/home/.config/jamcam/platforms/jade.mine.toml"
    settings = str(tmp_path / "settings")
    expected = f"{settings}{os.sep}jamcam/platforms/jade.mine.toml"
    assert ask("specs", tmp_path, XDG_CONFIG_HOME=settings)[2] == expected
