"""What `make` hands on, in which order, and what it leaves alone."""

import importlib
import os
import re
import subprocess

import pytest

from harness.cli import FAMILIES
from harness.settings.variables import VARIABLES, option
from harness.verbs.verb import parse

STAGES = ["download", "verify", "gen-valid", "tune-bdb", "convert-data", "train", "eval", "vis", "export"]
OTHER_VERBS = [
    "all",
    "new-dataset",
    "predict",
    "status",
    "plan",
    "why",
    "show-config",
    "platforms",
    "doctor",
    "shell",
    "unlock",
    "clean",
    "plots",
    "compare",
    "gate",
    "report",
    "cost",
    "crate",
]
VERBS = [verb for family in FAMILIES for verb in importlib.import_module(f"harness.verbs.{family}").VERBS]


@pytest.fixture
def fake_python(tmp_path):
    """A Python on PATH that writes down each argument it was given, in brackets, one call a line."""
    program = tmp_path / "bin" / "fake-python"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{{ printf '[%s]' \"$@\"; echo; }} >> '{tmp_path}/calls'\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def make(checkout, tmp_path, fake_python):
    """Runs make with the fake Python; the lines of `make.calls()` are what it was asked."""

    def run(*arguments, **environment):
        variables = {name: value for name, value in os.environ.items() if name in {"HOME", "LANG", "TMPDIR"}}
        path = f"{fake_python.parent}:{os.environ['PATH']}"
        return subprocess.run(
            ["make", "PYTHON=fake-python", *arguments],
            cwd=checkout,
            env={**variables, "PATH": path, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    run.calls = lambda: (tmp_path / "calls").read_text().splitlines() if (tmp_path / "calls").exists() else []
    return run


def test_make_alone_prints_every_target_and_runs_nothing(make, checkout):
    text = make().stdout
    targets = re.findall(r"^([a-z-]+):.*## ", (checkout / "Makefile").read_text(), re.MULTILINE)

    assert set(targets) >= {*STAGES, *OTHER_VERBS, "check", "test"}
    for target in targets:
        assert f"make {target} " in text
    assert make.calls() == []


@pytest.mark.parametrize("verb", STAGES + OTHER_VERBS)
def test_a_target_is_the_verb_of_the_same_name(make, verb):
    assert make(verb, "VENV=none").returncode == 0
    assert make.calls() == [f"[-m][harness][{verb}]"]


def test_only_variables_of_the_command_line_are_handed_on(make):
    make(
        "train",
        "VENV=none",
        "EPOCHS=3",
        "VAL_SPLIT=20",
        PLATFORM="a-site",
        GPUS="4",
        ENGINE="tao",
        VENV="elsewhere",
    )
    assert make.calls() == ["[-m][harness][train][--epochs=3][--val-split=20]"]


def test_a_value_arrives_as_it_was_typed(make):
    make("plan", "VENV=none", 'WORKSPACE=it\'s  a $$place "there"')
    assert make.calls() == ['[-m][harness][plan][--workspace=it\'s  a $$place "there"]']


def test_the_variables_of_make_are_the_settings_and_options_of_verbs_with_the_same_help(checkout):
    lines = re.findall(
        r"^VARIABLES \+= (\w+)=(--\S+) +## (.*)$", (checkout / "Makefile").read_text(), re.MULTILINE
    )

    own = {each.name: each.help for verb in VERBS for each in verb.options} | {
        each.name: each.help for each in VARIABLES
    }
    del own["verbose"], own["json"]  # of the command alone
    assert {name: words for name, _, words in lines} == {name.upper(): words for name, words in own.items()}
    assert all(written == option(name.lower()) for name, written, _ in lines)


def test_a_target_says_what_its_verb_says(checkout):
    targets = dict(re.findall(r"^([a-z-]+):.* ## (.*)$", (checkout / "Makefile").read_text(), re.MULTILINE))
    of_command = {"import-dmon", "records", "completion"}  # they take a word, which make would not pass on
    assert {verb.name: verb.help for verb in VERBS if verb.name not in of_command}.items() <= targets.items()


@pytest.mark.parametrize(
    ("arguments", "call"),
    [
        (["status", "EPOCHS=3"], "[-m][harness][status][--epochs=3]"),
        (
            ["compare", "A=jade", "B=local", "FORCE=1"],
            "[-m][harness][compare][--a=jade][--b=local][--force=1]",
        ),
        (["why", "STAGE=train", "DEEP=1"], "[-m][harness][why][--deep=1][--stage=train]"),
    ],
)
def test_what_make_passes_on_is_what_the_verb_takes(make, arguments, call):
    make(*arguments, "VENV=none")
    assert make.calls() == [call]

    verb, *words = call[1:-1].split("][")[2:]
    (declared,) = [each for each in VERBS if each.name == verb]
    assert parse(declared, words)[2] == []


def test_an_image_is_built_as_ordered_on_the_command_line_only(make, tmp_path):
    make("image", "VENV=none", "ENGINE=tao", "BASE=localimage:my  base.sif", TAO_VERSION="4.0.0")
    (call,) = make.calls()
    assert call.startswith("[-B][")
    assert call.endswith("/build.py][ENGINE=tao][BASE=localimage:my  base.sif]")


def test_a_misspelt_variable_is_refused(make):
    result = make("train", "VENV=none", "EPOCH=3")
    assert result.returncode == 2
    assert "unknown variable EPOCH; `make help` lists those there are" in result.stderr
    assert make.calls() == []


def test_a_variable_of_the_make_that_called_is_passed_over_aloud(make, checkout, tmp_path):
    (tmp_path / "Makefile").write_text(
        f"all:\n\t@$(MAKE) -C '{checkout}' PYTHON=fake-python VENV=none status\n"
    )
    result = make("-f", str(tmp_path / "Makefile"), "CC=gcc")

    assert result.returncode == 0, result.stderr
    assert "unknown variable CC passed over; `make help` lists those there are" in result.stderr
    assert make.calls() == ["[-m][harness][status]"]


def test_targets_run_one_after_another_also_with_j(make):
    make("-j", "8", "download", "verify", "status", "VENV=none")
    assert make.calls() == ["[-m][harness][download]", "[-m][harness][verify]", "[-m][harness][status]"]


@pytest.mark.parametrize(
    ("arguments", "environment", "needed"),
    [
        (["status"], {}, "base"),
        (["plan"], {}, "base"),
        (["train"], {}, "detector"),
        (["train", "ENGINE=tao"], {}, "report"),
        (["seeds", "ENGINE=tao"], {}, "report"),
        (["eval", "ENGINE=tao"], {}, "base"),
        (["eval", "IMAGE=portable.sif"], {}, "base"),
        (["eval"], {"JAMCAM_IMAGE": "portable.sif"}, "base"),
        (["image"], {}, "base"),
        (["train"], {"JAMCAM_ENGINE": "tao"}, "report"),
        (["train"], {"ENGINE": "tao"}, "detector"),
        (["bench"], {}, "bench"),
        (["bench", "ENGINE=tao"], {}, "report"),
        (["plots"], {}, "report"),
        (["compare"], {}, "base"),
        (["report"], {}, "report"),
        (["cost"], {}, "base"),
        (["check"], {}, "dev"),
    ],
)
def test_only_what_a_target_needs_is_installed(make, tmp_path, arguments, environment, needed):
    venv = tmp_path / "venv"
    make(*arguments, f"VENV={venv}", **environment)
    assert make.calls() == [f"[environment.py][{venv}][{needed}]"]


def test_a_filled_environment_is_not_filled_again(make, tmp_path):
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(tmp_path / "bin" / "fake-python")
    (venv / ".ready-base").touch()
    make("status", f"VENV={venv}")
    assert make.calls() == ["[-m][harness][status]"]


def test_ci_runs_the_tests_and_repeats_the_closing_line_of_pytest(checkout, tmp_path):
    fake_make = tmp_path / "make"
    fake_make.write_text(
        "#!/bin/sh\necho asked: $*\n"
        "echo '=========== 1 failed, 41 passed, 2 skipped in 12.34s (0:00:12) ==========='\n"
        "echo 'Error 1'\nexit 2\n"
    )
    fake_make.chmod(0o755)
    # Where Slurm is missing it would be installed, for real.
    (tmp_path / "apt-get").write_text("#!/bin/sh\n")
    (tmp_path / "apt-get").chmod(0o755)

    result = subprocess.run(
        [checkout / ".ci" / "run"],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 2
    assert result.stdout.splitlines()[0] == "asked: test"
    assert result.stdout.splitlines()[-1] == (
        "=========== 1 failed, 41 passed, 2 skipped in 12.34s (0:00:12) ==========="
    )
