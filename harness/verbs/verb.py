"""What a verb is: its word, what it does, and every option that it takes; and how its command line is read.

Settings on the command line must be ones that the verb takes. The same settings in the environment (JAMCAM_*)
and in luigi.cfg are there for every verb, and a verb that has no use for one ignores it.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from harness.answer import Answer
from harness.errors import ConfigError
from harness.settings.variables import VARIABLES, Settings, option, read_switch
from harness.text import tell

# Settings that decide what would run, and those that only a queue is told.
WORKFLOW = (
    *("recipe", "dataset", "engine", "platform", "image", "tao_version", "workspace", "pretrained"),
    *("pretrained_sha256", "epochs", "batch", "seed", "val_split", "numbers", "limit", "gpus", "nodes"),
    "checkpoint",
)
QUEUE = ("account", "qos", "partition", "wall_time", "array")


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """An option of a verb's own, or a positional argument; read from the command line only."""

    name: str
    help: str
    is_switch: bool = False  # of an option: off unless it is given, as `--force`, or as `--force=1` by make
    is_required: bool = False  # of a positional argument
    takes_many: bool = False  # of a positional argument: every word that is no option, in a list


FORCE = Option(
    name="force",
    help="1: `unlock` although the holder may be alive; `compare` and `gate` show what must not be compared; "
    "`export` writes int8 that could not be judged",
    is_switch=True,
)
A = Option(
    name="a",
    help="what `compare` and `report` look at: a platform, bench or record, or several with commas; "
    "`compare` also a workspace or crate",
)
B = Option(name="b", help="what they compare that with")
# Of verbs whose `run` gives an Answer. make has no variable for it: make prints lines of its own.
JSON = Option(name="json", help="print the answer as JSON, which docs/json.md describes", is_switch=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verb:
    """One word of `jamcam`; its name is "" for stages that are given as flags.

    `run` returns an exit status, or an answer that is still to be printed. Besides the settings it is given
    the values of the verb's own options and positional arguments: texts, or None where they were not given,
    True or False for switches, and lists for what takes many.
    """

    name: str
    help: str
    run: Callable[[Settings, argparse.Namespace], int | Answer]
    settings: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    positionals: tuple[Option, ...] = ()

    @property
    def command(self) -> str:
        """As it is typed."""
        return f"jamcam {self.name}".rstrip()

    @property
    def names(self) -> tuple[str, ...]:
        """Of all settings and options that it takes."""
        return (*self.settings, *(each.name for each in self.options))


def parse(verb: Verb, words: Sequence[str]) -> tuple[dict[str, str], argparse.Namespace, list[str]]:
    """Settings that `words` say, values of the verb's own options, and the words that it does not take.

    Raises:
        ConfigError: an option has no value, a switch a wrong one, or a required argument is missing.
        SystemExit: help was asked for, and was printed.
    """
    switches = [each.name for each in verb.options if each.is_switch]
    # A switch without a value would take the next word for it.
    bare = {option(name) for name in switches}
    full = [f"{word}=1" if word in bare else word for word in words]
    values, refused = _parser(verb).parse_known_args(full)
    texts: dict[str, str] = vars(values)
    names = {each.name for each in (*verb.options, *verb.positionals)}
    own = argparse.Namespace(**{name: texts.pop(name, None) for name in names})
    for each in verb.positionals:
        if each.takes_many:  # argparse would take those in front of the first option alone
            setattr(own, each.name, [word for word in refused if not word.startswith("-")])
            refused = [word for word in refused if word.startswith("-")]
    for name in switches:
        setattr(own, name, _is_on(name, getattr(own, name) or "0"))
    for each in verb.positionals:
        if each.is_required and getattr(own, each.name) is None and not refused:
            word = each.name.upper()
            raise ConfigError(f"no {word} was given: {each.help}", remedy=f"{verb.command} {word}")
    return texts, own, refused


def _is_on(name: str, text: str) -> bool:
    try:
        return read_switch(text)
    except ValueError as error:
        raise ConfigError(
            f"{name} is '{text}', expected 1 or 0", remedy=f"give {option(name)}, or leave it out"
        ) from error


class _Parser(argparse.ArgumentParser):
    def print_help(self, file: object = None) -> None:
        tell(self.format_help().rstrip())  # argparse would not tell that it could not write

    def error(self, message: str) -> NoReturn:
        raise ConfigError(message, remedy=f"{self.prog} --help")


def _parser(verb: Verb) -> argparse.ArgumentParser:
    wanted = [
        each.name.upper() if each.is_required else f"[{each.name.upper()}{' ...' * each.takes_many}]"
        for each in verb.positionals
    ]
    parser = _Parser(
        prog=verb.command,
        usage=" ".join([verb.command, *wanted, "[--option=value ...]"]),
        description=verb.help,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=30, width=140),
    )
    for each in verb.positionals:
        if not each.takes_many:
            parser.add_argument(each.name, nargs="?", metavar=each.name.upper(), help=each.help)
    for each in verb.options:
        if each.is_switch:
            parser.add_argument(option(each.name), dest=each.name, nargs="?", metavar="1", help=each.help)
        else:
            parser.add_argument(option(each.name), dest=each.name, metavar="X", help=each.help)
    own = {each.name for each in verb.options}
    group = parser.add_argument_group("settings (also JAMCAM_NAME in the environment, and luigi.cfg)")
    for variable in VARIABLES:
        if variable.name in verb.settings and variable.name not in own:
            group.add_argument(variable.option, dest=variable.name, metavar="X", help=variable.help)
    return parser
