"""`jamcam`: from words to verbs, and the one place that prints errors and sets exit statuses.

Settings may stand before the verb or after it; what only one verb takes stands after it. A word that the verb
does not take is refused, and so is an option of another verb.
"""

import contextlib
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from harness import __version__
from harness.answer import SCHEMA_VERSION, Answer
from harness.errors import ConfigError, HarnessError, cannot_import
from harness.files import FULL
from harness.process.signals import Interrupted, listen
from harness.settings.table import closest
from harness.settings.variables import VARIABLES, option
from harness.text import columns, tell, tell_json
from harness.verbs.verb import Verb, parse

# The modules of harness.verbs and their verbs, in the order of the help. Only the module of one verb is
# loaded.
FAMILIES = {
    "run": (
        *("download", "verify", "gen-valid", "tune-bdb", "convert-data"),
        *("train", "eval", "vis", "export", "all"),
    ),
    "data": ("new-dataset",),
    "predict": ("predict",),
    "measure": ("bench", "scaling", "seeds", "plots", "compare", "gate", "import-dmon"),
    "records": ("records",),
    "report": ("report", "cost"),
    "reproduce": ("reproduce",),
    "crate": ("crate",),
    "look": ("status", "plan", "why", "show-config"),
    "queue": ("platforms", "doctor", "shell"),
    "tidy": ("unlock", "clean"),
    "completion": ("completion",),
}
# What batch scripts call; the second word is in those of earlier versions.
IN_JOB = ("in-job", "inside")
MOST_NAMED = 4  # verbs in a message


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `jamcam` and return its exit status, as harness.errors lists them; 128 + n on signal n."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    _open_streams()
    try:
        status = _run(words)
        sys.stdout.flush()
    except HarnessError as error:
        status = _complain(error)
    except Interrupted as error:
        tell(f"\njamcam: {error}; what was done is kept\n  try: the same command again", stream=sys.stderr)
        status = 128 + error.signal
    except BrokenPipeError:  # the reader of our output went away, as `jamcam plan | head` does
        status = 1
    except (OSError, UnicodeError) as error:
        status = _complain(_in_words(error))
    except ImportError as error:
        status = _complain(cannot_import(error))
    _settle_output()
    return status


def _run(words: list[str]) -> int:
    if words[:1] in ([word] for word in IN_JOB):  # it has signals of its own
        from harness.verbs.queue import in_job

        return in_job(words[1:], _find(words[3:])[0].names)
    listen()
    if words == ["--version"]:
        from harness.code_version import MEASURING, SOURCES, code_version

        tell(f"jamcam {__version__}, {code_version((*SOURCES, *MEASURING)).words}")
        return 0
    verb, words = _find(words)
    if not verb.name and {"-h", "--help"} & {*words}:
        tell(_overview())
        return 0
    try:
        texts, options, refused = parse(verb, words)
    except SystemExit:  # help was printed
        return 0
    if refused:
        raise _refusal(verb, refused[0])
    from harness.settings.load import load_settings

    settings = load_settings(texts, os.environ, verb.names)
    for remark in settings.remarks:
        tell(f"jamcam: {remark}", stream=sys.stderr)
    ended = verb.run(settings, options)
    return ended if isinstance(ended, int) else _show(verb, ended, as_json=getattr(options, "json", False))


def _show(verb: Verb, answer: Answer, *, as_json: bool) -> int:
    """Print an answer; its exit status.

    Raises:
        HarnessError: the answer is a bad one.
    """
    if as_json:
        tell_json({"verb": verb.name, "schema_version": SCHEMA_VERSION, **answer.table})
    elif answer.text:
        tell(answer.text)
    if answer.error:
        raise answer.error
    return answer.status


def _find(words: list[str]) -> tuple[Verb, list[str]]:
    """The verb among `words`, and the other words; without a verb they are stages as flags."""
    with_value = {variable.option for variable in VARIABLES}
    for place, word in enumerate(words):
        if not word.startswith("-") and not (place and words[place - 1] in with_value):
            return _verb(word), words[:place] + words[place + 1 :]
    flags: Verb = importlib.import_module("harness.verbs.run").FLAGS
    return flags, words


def _verb(name: str) -> Verb:
    for family, names in FAMILIES.items():
        if name in names:
            return next(verb for verb in _family(family) if verb.name == name)
    known = [name for names in FAMILIES.values() for name in names]
    like = closest(name, known)
    raise ConfigError(
        f"no verb is called {name}", remedy=f"jamcam {like}" if like else "jamcam --help lists them"
    )


def _family(name: str) -> tuple[Verb, ...]:
    verbs: tuple[Verb, ...] = importlib.import_module(f"harness.verbs.{name}").VERBS
    return verbs


def _refusal(verb: Verb, word: str) -> ConfigError:
    """Why `verb` does not take a word, with the nearest one that it does take."""
    typed, who = word.partition("=")[0], verb.name or "a run of stages"
    leave_out = f"leave it out; {verb.command} --help lists its options"
    if not word.startswith("-"):
        return ConfigError(f"{who} does not take the word {word}", remedy=leave_out)
    if typed.removeprefix("--") in FAMILIES["run"]:
        return ConfigError(
            f"{typed} is for stages as flags, without a verb", remedy=f"jamcam {typed}, or one verb alone"
        )
    every = [each for family in FAMILIES for each in _family(family)]
    takers = [each.name for each in every if typed in map(option, each.names)]
    others = f"; it is an option of {', '.join(takers)}" if 0 < len(takers) <= MOST_NAMED else ""
    like = "" if takers else closest(typed, [*map(option, verb.names)])
    return ConfigError(
        f"{who} does not take {_shown(typed)}{others}",
        remedy=f"write {_shown(like)}, or leave it out" if like else leave_out,
    )


def _shown(typed: str) -> str:
    """An option as its user writes it."""
    via_make = os.environ.get("JAMCAM_VIA") == "make"
    return typed.strip("-").replace("-", "_").upper() if via_make else typed


def _overview() -> str:
    lines = [
        "usage: jamcam VERB [--option=value ...]    `jamcam VERB --help` lists the options of a verb",
        "       jamcam --version",
    ]
    for family in FAMILIES:
        title = importlib.import_module(f"harness.verbs.{family}").TITLE
        lines += ["", f"{title}:", *_rows([(verb.name, verb.help) for verb in _family(family)])]
    flags, _ = _find([])
    lines += ["", f"{flags.help}:", "  " + " ".join(option(name) for name in FAMILIES["run"])]
    lines += [
        "",
        "settings (NAME=value for make, JAMCAM_NAME in the environment, name = value in luigi.cfg):",
    ]
    lines += _rows([(variable.option, variable.help) for variable in VARIABLES])
    return "\n".join(lines)


def _rows(rows: Sequence[tuple[str, str]]) -> list[str]:
    return [f"  {line}" for line in columns(rows).splitlines()]


def _complain(error: HarnessError) -> int:
    for each in (error, *error.others):
        with contextlib.suppress(OSError):
            tell(f"jamcam: {each.message}\n  try: {each.remedy}", stream=sys.stderr)
    return error.exit_status


def _in_words(error: OSError | UnicodeError) -> HarnessError:
    """What a user can cause by a full disk, a folder that cannot be read, or text in another encoding."""
    if isinstance(error, UnicodeEncodeError):
        return HarnessError(f"the output cannot be written: {error}", remedy="set PYTHONIOENCODING=utf-8")
    if isinstance(error, UnicodeError):
        return HarnessError(f"a file is not UTF-8 text: {error}", remedy="convert or remove it")
    if isinstance(error, FileNotFoundError) and error.filename is None and not _is_somewhere():
        return HarnessError(
            "the current folder is gone", remedy="cd to one that is there, then the same command"
        )
    target = error.filename2 if error.errno in FULL else None  # of a copy: where there is no room
    where = target or error.filename or "the output, or a file"
    is_path_wrong = isinstance(error, NotADirectoryError | IsADirectoryError)
    remedy = "correct the path" if is_path_wrong else "make room or give access, then the same command again"
    return HarnessError(f"{where}: {error.strerror or error}", remedy=remedy)


def _is_somewhere() -> bool:
    try:
        return bool(Path.cwd())
    except FileNotFoundError:
        return False


def _open_streams() -> None:
    """Put nothing in the place of standard streams that are closed, as some supervisors start programs.

    The next file that is opened would have their number, and programs that we start would write into it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            os.set_inheritable(handle, True)
            setattr(sys, name, os.fdopen(handle, mode))


def _settle_output() -> None:
    """Write out what is buffered; what cannot be written is dropped, or Python would complain at its end."""
    try:
        sys.stdout.flush()
    except (OSError, UnicodeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
