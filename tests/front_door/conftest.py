"""An environment whose Python writes down what it was asked, so that nothing is fetched."""

import json
import os
import subprocess
import sys

import pytest

CPU_BUILD = {"version": "9.9.0+cpu", "requires_dist": ["filelock", "jinja2"]}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "venv"


@pytest.fixture
def stand_in(tmp_path):
    """Puts a module in front of the standard library's."""
    folder = tmp_path / "stand-ins"
    folder.mkdir()

    def write(name, text):
        (folder / f"{name}.py").write_text(text)

    write.folder = folder
    return write


@pytest.fixture
def fake_pip(tmp_path, stand_in):
    """An environment whose Python writes down its calls and answers for pip; `set` changes an answer."""
    program, answers, calls = tmp_path / "python", tmp_path / "answers", tmp_path / "calls"
    answers.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        f"echo \"$*\" >> '{calls}'\n"
        'case "$*" in\n'
        f"  *importlib.metadata*) cat '{answers}/torch' ;;\n"
        f"  *--dry-run*) cat '{answers}/report' ;;\n"
        f"  *--editable*) cp \"$6\" '{tmp_path}/constraints'; cp '{answers}/log' \"$8\"\n"
        f"    env > '{tmp_path}/environment'; exit $(cat '{answers}/status') ;;\n"
        f"  *config*) cat '{answers}/config' ;;\n"
        f"  *import_all*) . '{answers}/import_all' ;;\n"
        "esac\n"
    )
    program.chmod(0o755)
    stand_in(
        "venv",
        "import os, pathlib\n"
        "class EnvBuilder:\n"
        "    def __init__(self, **words): self.words = words\n"
        "    def create(self, folder):\n"
        "        (pathlib.Path(folder) / 'bin').mkdir()\n"
        f"        os.symlink({str(program)!r}, pathlib.Path(folder) / 'bin' / 'python')\n"
        "        print('created', sorted(self.words.items()))\n",
    )

    def set_answers(*, torch="", build=CPU_BUILD, status=0, log="", config="", import_all=""):
        for name, answer in [("torch", torch), ("log", log), ("config", config), ("import_all", import_all)]:
            (answers / name).write_text(answer)
        (answers / "report").write_text(json.dumps({"install": [{"metadata": build}]}) if build else "")
        (answers / "status").write_text(str(status))

    set_answers()
    set_answers.calls = lambda: calls.read_text().splitlines() if calls.exists() else []
    set_answers.order = lambda: next(call for call in set_answers.calls() if "--editable" in call)
    set_answers.environment = lambda: dict(
        line.split("=", 1) for line in (tmp_path / "environment").read_text().splitlines()
    )
    set_answers.constraints = lambda: (tmp_path / "constraints").read_text().splitlines()
    return set_answers


@pytest.fixture
def set_up(checkout, folder, fake_pip, stand_in):
    def run(wanted="detector", python=sys.executable, **environment):
        return subprocess.run(
            [python, checkout / "environment.py", folder, wanted],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(stand_in.folder), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return run
