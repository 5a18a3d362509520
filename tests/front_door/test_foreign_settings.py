"""Settings of pip and Python that a module or a site has set: ignored, or refused by their name."""

import hashlib
import os
import subprocess
import sys

import numpy
import pytest

import environment

CONFLICT = "    The user requested (constraint) numpy==1.26.4,==2.2.6\n"
NETWORK = (
    "error: pip could not install the packages; its last lines above say why\n"
    "  try: make again once the network"
)


@pytest.mark.parametrize(
    "name",
    [
        "PIP_DRY_RUN",
        "PIP_NO_DEPS",
        "PIP_PREFIX",
        "PIP_PYTHON",
        "PIP_ROOT",
        "PIP_TARGET",
        "PIP_USER",
        "PYTHONPATH",
    ],
)
def test_a_variable_that_leads_elsewhere_does_not_reach_pip(set_up, fake_pip, stand_in, name):
    value = str(stand_in.folder) if name == "PYTHONPATH" else "1"
    result = set_up("base", **{name: value, "PIP_NO_INDEX": "1"})

    assert result.returncode == 0, result.stderr
    assert fake_pip.environment().get(name, "0") == "0"
    assert fake_pip.environment()["PIP_NO_INDEX"] == "1", "pip's other settings hold"
    assert name in next(
        line for line in result.stdout.splitlines() if "ignored, because they lead elsewhere" in line
    )


def test_a_file_of_pip_that_leads_elsewhere_is_refused_before_anything_is_installed(set_up, fake_pip, folder):
    fake_pip(config="global.index-url='https://mirror'\nglobal.target='/elsewhere'\n")
    result = set_up("base")

    assert result.returncode == 1
    assert result.stderr == (
        f"error: with pip's setting global.target='/elsewhere' pip would not install into {folder}\n"
        "  try: take it out of the file that `pip config debug` shows, then make again\n"
    )
    assert not any("--editable" in call for call in fake_pip.calls())


@pytest.mark.parametrize(
    ("config", "setting", "remedy"),
    [
        (
            ":env:.constraint='/a.txt'\nglobal.constraint='/b.txt'\n",
            "the variable PIP_CONSTRAINT='/a.txt'",
            "unset",
        ),
        (
            "global.constraint='/b.txt'\ninstall.constraint='/c.txt'\n",
            "pip's setting install.constraint='/c.txt'",
            "take",
        ),
    ],
)
def test_constraints_that_contradict_the_pins_are_named(set_up, fake_pip, config, setting, remedy):
    fake_pip(status=1, log=CONFLICT, config=config)
    assert set_up("base").stderr.startswith(
        f"error: {setting} asks for other versions than this project; pip's last lines above name them\n"
        f"  try: {remedy}"
    )


@pytest.mark.parametrize(
    ("log", "config"),
    [("no route to host", ":env:.constraint='/a.txt'\n"), (CONFLICT, "global.index-url='/x'\n")],
)
def test_constraints_are_not_blamed_for_what_they_did_not_do(set_up, fake_pip, log, config):
    fake_pip(status=1, log=log, config=config)
    assert set_up("base").stderr.startswith(NETWORK)


def test_an_environment_that_cannot_import_is_not_ready_and_the_next_run_starts_anew(
    set_up, fake_pip, folder
):
    trace = "Traceback\\nImportError: numpy: wrong\\nsee the docs\\n"
    fake_pip(import_all=f"echo psutil; echo numpy; printf '{trace}' >&2; exit 1")
    result = set_up("base")

    assert result.returncode == 1
    assert (
        f"{folder} cannot be used, for numpy cannot be imported from it: ImportError: numpy: wrong\n"
        in result.stderr
    )
    assert not (folder / ".ready-base").exists()

    fake_pip()
    result = set_up("base")
    assert result.returncode == 0, result.stderr
    assert "was left half-made: starting again" in result.stdout
    assert (folder / ".ready-base").exists()


def test_a_package_that_ends_python_is_named(set_up, fake_pip):
    fake_pip(import_all="echo onnxruntime; kill -ILL $$")
    assert (
        "for onnxruntime cannot be imported from it: Python ended with status -4\n" in set_up("base").stderr
    )


def test_an_environment_that_was_called_ready_untried_is_filled_again(set_up, fake_pip, folder, checkout):
    inputs = (checkout / "pyproject.toml").read_bytes() + (checkout / "constraints.txt").read_bytes()
    folder.mkdir()
    (folder / ".ready-base").write_text(hashlib.sha256(inputs).hexdigest())

    assert set_up("base").returncode == 0
    assert "--editable" in fake_pip.order()


@pytest.mark.slow
def test_every_package_of_every_set_is_imported_under_its_name(checkout, tmp_path):
    program = (
        f"import sys; sys.path.append({str(checkout)!r});"
        "import environment; environment.import_all('dev', None)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert answer.returncode == 0, answer.stderr
    assert {"luigi", "pillow", "protobuf", "torch", "pandas", "tensorboardx", "pytest-xdist"} <= set(
        answer.stdout.split()
    )


def test_another_version_than_the_pinned_one_is_refused_with_its_place(monkeypatch):
    monkeypatch.setattr(numpy, "__version__", "1.26.4")
    with pytest.raises(SystemExit, match=r"version 1\.26\.4 of .*numpy/__init__\.py, expected 2\."):
        environment.import_all("base", None)


@pytest.mark.parametrize(
    ("arguments", "environ", "expected"),
    [
        ([], {}, ["", ""]),
        (["ENGINE=tao"], {}, ["", ""]),
        (["ENGINE=here"], {}, ["/of/a/module", ""]),
        ([], {"JAMCAM_ENGINE": "here"}, ["/of/a/module", ""]),
        (["VENV=none"], {}, ["/of/a/module", "/python/of/a/module"]),
    ],
)
def test_make_keeps_packages_of_modules_out_of_its_own_environment(
    checkout, tmp_path, arguments, environ, expected
):
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$PYTHONPATH"; echo "$PYTHONHOME"\n')
    python.chmod(0o755)
    (tmp_path / "venv" / ".ready-base").touch()
    result = subprocess.run(
        ["make", "status", f"VENV={tmp_path}/venv", f"PYTHON={python}", *arguments],
        cwd=checkout,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": "/of/a/module",
            "PYTHONHOME": "/python/of/a/module",
            **environ,
        },
        capture_output=True,
        text=True,
        check=True,
    )

    assert result.stdout.splitlines() == expected
