import argparse
import importlib
import subprocess
import sys

import pytest

from harness.cli import FAMILIES, main
from harness.errors import ConfigError
from harness.settings.variables import VARIABLES
from harness.verbs.verb import Option, Verb, parse
from harness.workspace.marker import STAGES

VERBS = {
    verb.name: verb
    for family in FAMILIES
    for verb in importlib.import_module(f"harness.verbs.{family}").VERBS
}
WORKFLOW = {
    *(
        "--recipe",
        "--dataset",
        "--engine",
        "--platform",
        "--image",
        "--tao-version",
        "--workspace",
        "--pretrained",
    ),
    *("--pretrained-sha256", "--epochs", "--batch", "--seed", "--val-split"),
    *("--numbers", "--limit", "--gpus", "--nodes"),
    "--checkpoint",
}
QUEUE = {"--account", "--qos", "--partition", "--wall-time", "--array"}
MEASURING = {"--results", "--gpu-hz", "--host-hz", "--keep"}
TAKEN = {
    **dict.fromkeys((*STAGES, "all"), WORKFLOW | QUEUE | {"--deep", "--kept-gib", "--verbose"}),
    "export": WORKFLOW | QUEUE | {"--deep", "--kept-gib", "--verbose", "--force"},
    "status": WORKFLOW | {"--deep", "--kept-gib", "--watch", "--json"},
    "plan": WORKFLOW | QUEUE | {"--deep", "--kept-gib", "--stage", "--json"},
    "why": WORKFLOW | {"--deep", "--stage", "--json"},
    "records": {"--results", "--platform"},
    "show-config": WORKFLOW | QUEUE | MEASURING | {"--deep", "--kept-gib"},
    "bench": WORKFLOW | QUEUE | MEASURING | {"--sessions"},
    "scaling": WORKFLOW | QUEUE | MEASURING,
    "seeds": WORKFLOW | QUEUE | {"--n"},
    "plots": {"--results"},
    "compare": {"--results", "--a", "--b", "--force", "--json"},
    "report": {"--workspace", "--results", "--text", "--a", "--b", "--power-w", "--gco2e-per-kwh"},
    "cost": {"--workspace", "--results", "--power-w", "--gco2e-per-kwh"},
    "gate": {"--results", "--platform", "--recipe", "--junit", "--force", "--json"},
    "import-dmon": {"--results", "--platform"},
    "crate": {"--recipe", "--dataset", "--platform", "--workspace", "--results", "--with"},
    "reproduce": QUEUE
    | {"--workspace", "--results", "--platform", "--engine", "--image", "--tao-version"}
    | {"--from", "--exact", "--only", "--json"},
    "platforms": {"--json"},
    "completion": set(),
    "doctor": WORKFLOW | QUEUE | {"--json"},
    "shell": {
        "--platform",
        "--image",
        "--workspace",
        "--gpus",
        "--nodes",
        "--account",
        "--qos",
        "--partition",
    },
    "new-dataset": {"--recipe", "--workspace", "--from"},
    "predict": {
        *("--engine", "--workspace", "--checkpoint", "--on", "--model", "--spec", "--out"),
        *("--every", "--threshold", "--skip-damaged"),
    },
    "unlock": {"--workspace", "--force"},
    "clean": {"--recipe", "--dataset", "--workspace", "--keep"},
}
EVERY = set().union(*TAKEN.values())
# For each option a verb that has no use for it.
REFUSED = {
    **dict.fromkeys(EVERY, "platforms"),
    "--json": "all",
    **{"--force": "status", "--a": "status", "--b": "gate", "--stage": "status", "--verbose": "bench"},
    **{
        "--watch": "all",
        "--keep": "train",
        "--deep": "bench",
        "--kept-gib": "why",
        "--gpu-hz": "all",
        "--host-hz": "unlock",
    },
    **{
        "--results": "export",
        "--account": "status",
        "--qos": "why",
        "--partition": "clean",
        "--wall-time": "shell",
    },
    **{
        "--array": "status",
        "--epochs": "plots",
        "--platform": "unlock",
        "--engine": "clean",
        "--gpus": "compare",
    },
}


def complaint(verb, option):
    return f"jamcam: {verb} does not take {option}"


@pytest.mark.parametrize("verb", TAKEN)
def test_a_verb_takes_the_options_that_it_has_a_use_for_and_refuses_all_others(verb, capsys):
    assert {"--" + name.replace("_", "-") for name in VERBS[verb].names} == TAKEN[verb]
    for option in sorted(EVERY - TAKEN[verb]):
        assert main([verb, f"{option}=1"]) == 2
        assert capsys.readouterr().err.startswith(complaint(verb, option))


@pytest.mark.parametrize("option", sorted(EVERY))
def test_an_option_that_would_do_nothing_ends_with_2(option, checkout):
    verb = REFUSED[option]
    ended = subprocess.run(
        [sys.executable, "-m", "harness", f"{option}=1", verb],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines()[0].startswith(complaint(verb, option))


def test_the_verbs_are_those_of_the_table():
    assert VERBS.keys() == TAKEN.keys()


def test_a_refused_option_is_told_with_the_verbs_that_take_it(capsys):
    assert main(["status", "--force"]) == 2
    assert capsys.readouterr().err == (
        "jamcam: status does not take --force; it is an option of export, compare, gate, unlock\n"
        "  try: leave it out; jamcam status --help lists its options\n"
    )


def test_who_came_through_make_reads_names_of_make(capsys, monkeypatch):
    monkeypatch.setenv("JAMCAM_VIA", "make")

    assert main(["status", "--gpu-hz=3"]) == 2
    assert capsys.readouterr().err.startswith(
        "jamcam: status does not take GPU_HZ; it is an option of bench, scaling"
    )


def test_options_of_one_name_are_the_same_option():
    options = [
        each
        for verb in VERBS.values()
        for each in verb.options
        if each.name not in {v.name for v in VARIABLES}
    ]
    names = {each.name for each in options}
    assert names == {
        *("verbose", "watch", "stage", "a", "b", "sessions", "n", "junit", "force", "from", "json"),
        *("on", "model", "spec", "out", "every", "threshold", "skip_damaged"),
        *("text", "power_w", "gco2e_per_kwh"),
        *("with", "exact", "only"),
    }
    assert len({(each.name, each.help, each.is_switch) for each in options}) == len(names)


def made(**more):
    return Verb(
        name="fly", help="fly", run=lambda settings, options: 0, settings=("epochs", "workspace"), **more
    )


def test_settings_and_options_of_the_verb_are_told_apart_wherever_they_stand():
    verb = made(options=(Option(name="high", help="x"),), positionals=(Option(name="to", help="x"),))

    assert parse(verb, ["--epochs", "3", "moon", "--high=yes", "--workspace=a b"]) == (
        {"epochs": "3", "workspace": "a b"},
        argparse.Namespace(high="yes", to="moon"),
        [],
    )
    assert parse(verb, []) == ({}, argparse.Namespace(high=None, to=None), [])


def test_a_positional_argument_and_the_option_of_its_name_are_one():
    verb = made(options=(Option(name="to", help="x"),), positionals=(Option(name="to", help="x"),))

    assert parse(verb, ["moon"])[1].to == "moon"
    assert parse(verb, ["--to=moon"])[1].to == "moon"


@pytest.mark.parametrize(
    ("words", "on"), [(["--loud", "moon"], True), (["--loud=1", "moon"], True), (["moon", "--loud=0"], False)]
)
def test_a_switch_does_not_take_the_next_word_for_its_value(words, on):
    verb = made(
        options=(Option(name="loud", help="x", is_switch=True),), positionals=(Option(name="to", help="x"),)
    )

    assert parse(verb, words)[1] == argparse.Namespace(loud=on, to="moon")


def test_abbreviations_and_words_that_are_not_taken_are_handed_back():
    assert parse(made(), ["--epoch=3", "moon", "--epochs=3"])[2] == ["--epoch=3", "moon"]


def test_an_argument_that_takes_many_has_every_word_wherever_it_stands():
    verb = made(positionals=(Option(name="to", help="x", takes_many=True),))

    assert parse(verb, ["moon", "--epochs=3", "red planet", "--fast"]) == (
        {"epochs": "3"},
        argparse.Namespace(to=["moon", "red planet"]),
        ["--fast"],
    )
    assert parse(verb, [])[1].to == []


def test_a_required_argument_that_is_missing_is_named():
    verb = made(positionals=(Option(name="to", help="where", is_required=True),))

    with pytest.raises(ConfigError, match="no TO was given: where"):
        parse(verb, [])
