"""The verb completion: what makes a shell complete `jamcam`, written from the verbs as they are declared."""

import argparse
import importlib
import pkgutil
import re

import harness.verbs
from harness.errors import ConfigError
from harness.settings.declared import declared_names
from harness.settings.variables import ENGINES, VARIABLES, Settings, option
from harness.text import tell
from harness.verbs.completion_scripts import SCRIPTS, Command, Word
from harness.verbs.verb import Option, Verb
from harness.workspace.marker import STAGES

TITLE = "shell completion"
SHELL = Option(name="shell", help=" or ".join(SCRIPTS), is_required=True)
SWITCH = ("0", "1")
FILES = ("image", "pretrained", "junit", "from", "file", "a", "b", "on", "inputs", "model", "spec")
FOLDERS = ("workspace", "results", "out")
DECLARED = {"recipe": "recipes", "dataset": "datasets", "platform": "platforms"}
ACTIONS = ("pack", "add")
PLAIN = re.compile(r"[\w-]+")  # may stand in a script as it is


def _completion(settings: Settings, options: argparse.Namespace) -> int:
    if options.shell not in SCRIPTS:
        raise ConfigError(
            f"completion does not know the shell '{options.shell}', it knows {', '.join(SCRIPTS)}",
            remedy="jamcam completion bash",
        )
    tell(SCRIPTS[options.shell](commands()))
    return 0


def commands() -> list[Command]:
    """Every verb, and first the command without one, which takes stages as flags."""
    modules = pkgutil.iter_modules(harness.verbs.__path__)
    families = [importlib.import_module(f"harness.verbs.{module.name}") for module in modules]
    verbs = [verb for family in families for verb in getattr(family, "VERBS", ())]
    flags: Verb = importlib.import_module("harness.verbs.run").FLAGS
    extra = (
        Word(text="--version", help="version, commit, and whether it was changed", values=None),
        Word(text="--help", help="every verb and setting", values=None),
    )
    return [_command(flags, extra), *(_command(verb) for verb in verbs)]


def _command(verb: Verb, extra: tuple[Word, ...] = ()) -> Command:
    helps = {each.name: each.help for each in VARIABLES} | {each.name: each.help for each in verb.options}
    switches = {each.name for each in verb.options if each.is_switch}
    words = [
        Word(
            text=option(name),
            help=helps[name],
            values=None if name in switches else _values(name),
            takes=_takes(name),
        )
        for name in verb.names
    ]
    positionals = [
        Word(
            text=each.name,
            help=each.help,
            values=_values(each.name),
            takes=_takes(each.name),
            is_many=each.takes_many,
        )
        for each in verb.positionals
    ]
    return Command(name=verb.name, help=verb.help, options=(*words, *extra), positionals=tuple(positionals))


def _values(name: str) -> tuple[str, ...]:
    """What is known to stand for a setting, an option or a positional argument."""
    if name in DECLARED:
        return tuple(filter(PLAIN.fullmatch, declared_names(DECLARED[name])))
    known = {"engine": ENGINES, "stage": STAGES, "shell": tuple(SCRIPTS), "action": ACTIONS}
    known |= {"deep": SWITCH, "keep": SWITCH}
    return known.get(name, ())


def _takes(name: str) -> str:
    """Whether files or folders may stand for it, too."""
    if name in (*FILES, *DECLARED):
        return "file"
    return "folder" if name in FOLDERS else ""


VERBS = (
    Verb(
        name="completion",
        help="what makes bash, zsh or fish complete the words of this command; docs/package.md",
        run=_completion,
        positionals=(SHELL,),
    ),
)
