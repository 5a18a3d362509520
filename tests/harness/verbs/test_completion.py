"""Completion, in the shells themselves; what they offer is what the verbs take."""

import importlib
import os
import pty
import re
import select
import shutil
import subprocess

import pytest

from harness.cli import FAMILIES, main
from harness.settings.variables import ENGINES, VARIABLES
from harness.verbs.completion import commands
from harness.verbs.completion_scripts import SCRIPTS
from harness.workspace.marker import STAGES
from tests.waiting import PATIENCE_S

VERBS = {
    verb.name: verb
    for family in FAMILIES
    for verb in importlib.import_module(f"harness.verbs.{family}").VERBS
}
STAGE_FLAGS = {f"--{name}" for name in (*STAGES, "all")}
# In bash, asks the function for completions of "$@"; words are taken apart as bash itself does.
ASK_BASH = """
source "$SCRIPT"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_jamcam
printf '%s\\n' "${COMPREPLY[@]}"
"""
ASK_FISH = """
source "$SCRIPT"
for line in $argv
    complete -C "$line"
    echo end of a line
end
"""
# How each shell is started with a terminal, and what it is told first.
INTERACTIVE = {
    "bash": (["bash", "--norc", "-i"], ""),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit; compinit -u -D;"),
}


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """The script for a shell, as the verb prints it, in a file."""
    folder = tmp_path_factory.mktemp("completion")

    def write(shell):
        path = folder / f"jamcam.{shell}"
        path.write_text(SCRIPTS[shell](commands()) + "\n")
        return path

    return write


def shell_of(name):
    return shutil.which(name) or pytest.skip(f"there is no {name}")


@pytest.fixture
def bash(script, tmp_path):
    """What bash offers for the last of some words, in an empty folder."""

    def ask(*words):
        argv = [shell_of("bash"), "--norc", "-c", ASK_BASH, "bash", *words]
        names = {**os.environ, "SCRIPT": str(script("bash"))}
        answer = subprocess.run(argv, env=names, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert answer.stderr == ""
        return answer.stdout.split()

    return ask


@pytest.fixture
def fish(script, tmp_path):
    """What fish offers at the end of each of some lines, in an empty folder."""

    def ask(*lines):
        argv = [shell_of("fish"), "--no-config", "-c", ASK_FISH, *lines]
        names = {**os.environ, "SCRIPT": str(script("fish")), "HOME": str(tmp_path)}
        answer = subprocess.run(argv, env=names, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert answer.stderr == ""
        parts = answer.stdout.split("end of a line\n")
        return [[each.split("\t")[0] for each in part.splitlines()] for part in parts[: len(lines)]]

    return ask


@pytest.fixture
def typed(script, tmp_path):
    """What an interactive shell makes of lines with tabulators, as the words that `jamcam` is given."""

    def ask(shell, lines):
        (program, *flags), before = INTERACTIVE[shell]
        primary, secondary = pty.openpty()
        names = {**os.environ, "PS1": "> ", "TERM": "dumb", "INPUTRC": "/dev/null", "HOME": str(tmp_path)}
        process = subprocess.Popen(
            [shell_of(program), *flags],
            env=names,
            cwd=tmp_path,
            stdin=secondary,
            stdout=secondary,
            stderr=secondary,
            start_new_session=True,
        )
        os.close(secondary)
        defined = 'jamcam() { echo "[$*]"; }'
        os.write(primary, f"{before} {defined}; source {script(shell)}; echo rea'dy'\n".encode())
        until(primary, "ready\r\n")
        found = []
        for line in lines:
            os.write(primary, f"{line}\n".encode())
            found += re.findall(r"\[([^\[]*)\]\r\n", until(primary, "]\r\n"))
        os.write(primary, b"exit\n")
        process.wait(PATIENCE_S)
        os.close(primary)
        return found

    return ask


def until(terminal, words):
    seen = ""
    while words not in seen:
        assert select.select([terminal], [], [], PATIENCE_S)[0], seen
        seen += os.read(terminal, 4096).decode()
    return seen


def test_the_verb_prints_what_was_tested(capsys, script):
    for shell in SCRIPTS:
        assert main(["completion", shell]) == 0
        assert capsys.readouterr().out == script(shell).read_text()


def test_each_of_the_many_words_that_a_verb_takes_may_be_a_file(bash, tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"")

    for before in ([], ["street"], ["street", "park"]):
        assert bash("jamcam", "predict", *before, "cl") == ["clip.mp4"]


def test_another_shell_is_refused(capsys):
    assert main(["completion", "tcsh"]) == 2
    assert capsys.readouterr().err.splitlines()[0] == (
        "jamcam: completion does not know the shell 'tcsh', it knows bash, zsh, fish"
    )


def test_bash_offers_every_verb(bash):
    assert sorted(bash("jamcam", "")) == sorted(VERBS)
    assert bash("jamcam", "why", "") == [*STAGES]
    assert bash("jamcam", "completion", "") == ["bash", "zsh", "fish"]
    assert bash("jamcam", "records", "") == ["pack", "add"]


@pytest.mark.parametrize("verb", VERBS)
def test_bash_offers_the_options_that_a_verb_takes_and_no_others(bash, verb):
    offered = {word.rstrip("=") for word in bash("jamcam", verb, "--")}
    assert offered == {"--" + name.replace("_", "-") for name in VERBS[verb].names}


def test_bash_offers_stages_as_flags_and_settings_before_a_verb(bash):
    offered = {word.rstrip("=") for word in bash("jamcam", "-")}
    assert offered >= STAGE_FLAGS | {"--version", "--help", "--recipe"}
    assert bash("jamcam", "--recipe", "=", "smoke", "stat") == ["status"]
    assert bash("jamcam", "--verbose", "stat") == ["status"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["train", "--engine", "=", "po"], ["portable"]),
        (["train", "--engine", "="], [*ENGINES]),
        (["train", "--engine", "t"], ["tao"]),
        (["plan", "--stage", "train", "--wall"], ["--wall-time="]),
        (["plan", "--stage", "=", "ex"], ["export"]),
        (["train", "--epochs", "=", "3"], []),
        (["all", "--workspace", "=", "in"], ["inside"]),
        (["import-dmon", "in"], ["inside", "in.log"]),
        (["why", "train", ""], []),
        (["no-such-verb", ""], []),
    ],
)
def test_bash_offers_values(bash, tmp_path, words, expected):
    (tmp_path / "inside").mkdir()
    (tmp_path / "in.log").write_text("")
    assert sorted(bash("jamcam", *words)) == sorted(expected)


def test_bash_offers_recipes_and_platforms_by_name(bash, checkout):
    for option, kind in (("--recipe", "recipes"), ("--platform", "platforms"), ("--dataset", "datasets")):
        names = {path.stem for path in (checkout / "specs" / kind).glob("*.toml") if "." not in path.stem}
        assert set(bash("jamcam", "all", option, "=")) == names


TYPED = {
    "jamcam st\t--eng\tpo\t--work\telse\t": "status --engine=portable --workspace=elsewhere",
    "jamcam unl\t--fo\t": "unlock --force",
    "jamcam why tr\t": "why train",
    "jamcam --recipe smo\tstat\t": "--recipe smoke status",
    "jamcam records ad\tin\t": "records add in.zip",
    "jamcam --tu\t--conv\t": "--tune-bdb --convert-data",
}


@pytest.mark.parametrize("shell", INTERACTIVE)
def test_a_person_at_a_terminal_types_less(typed, tmp_path, shell):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "in.zip").write_text("")

    # zsh takes the slash behind a folder away when the line ends.
    assert [each.strip().rstrip("/") for each in typed(shell, TYPED)] == [*TYPED.values()]


def test_fish_offers_the_options_that_a_verb_takes_and_no_others(fish):
    offered = fish(*(f"jamcam {verb} --" for verb in VERBS))

    assert {
        verb: {word.rstrip("=") for word in words} for verb, words in zip(VERBS, offered, strict=True)
    } == {name: {"--" + each.replace("_", "-") for each in verb.names} for name, verb in VERBS.items()}


def test_fish_offers_verbs_values_and_files(fish, tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "in.log").write_text("")
    expected = {
        "jamcam ": sorted(VERBS),
        "jamcam why ex": ["export"],
        "jamcam train --engine=po": ["--engine=portable"],
        "jamcam train --engine po": ["portable"],
        "jamcam all --workspace in": ["inside/"],
        "jamcam import-dmon in": ["in.log", "inside/"],
        "jamcam --tu": ["--tune-bdb"],
    }

    assert dict(zip(expected, map(sorted, fish(*expected)), strict=True)) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_script_has_no_fault_that_its_shell_finds(script, shell):
    answer = subprocess.run([shell_of(shell), "-n", script(shell)], capture_output=True, check=False)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, b"", b"")


def test_every_setting_has_its_help_in_zsh_and_fish(script):
    for shell in ("zsh", "fish"):
        text = script(shell).read_text().replace("'\\''", "'").replace("\\'", "'")
        assert [each.name for each in VARIABLES if each.help not in text] == []
