"""What is wrong with the specs of a run, found before anything runs.

Each template is filled as a run would fill it, with stand-ins for what only a run knows, and its tokens are
compared with the known fields. Values keep their lines, so lines are those of the file that a person edits.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from harness.engine.find import environment, in_image, resolve
from harness.engine.request import Request
from harness.engine.spec_fields import CONVERSION, EXPERIMENT, fields
from harness.engine.spec_text import Token, anchors_literal, fill, numbers_of_run, tokens
from harness.errors import ConfigError
from harness.settings.table import closest
from harness.settings.variables import Settings
from harness.workspace.layout import Workspace
from harness.workspace.spec_copies import SPLITS, SpecCopies, conversion_template

_WORKSPACE = "/workspace"  # stands for its path, which another check looks at
_INTEGER = r"(0[xX][0-9a-fA-F]+|\d+)"
# Kind of value -> what it looks like, and in words.
_KINDS = {
    "uint": (_INTEGER, "a whole number, 0 or more"),
    "int": (f"-?{_INTEGER}", "a whole number"),
    "number": (r"-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[fF]?|-?(inf|infinity|nan)", "a number"),
    "bool": ("[Tt]rue|[Ff]alse|[tf01]", "true or false"),
    "string": (r"\"[^\n]*\"|'[^\n]*'", "text in quotes"),
}


def check_specs(settings: Settings) -> None:
    """Refuse specs that no `yolo_v4` would read.

    Raises:
        ConfigError: the first thing that is wrong, with the file that a person edits, and its line.
    """
    for path, text, root in _filled(settings):
        check_text(text, root, where=str(path))


def ask_engine(settings: Settings) -> None:
    """Refuse specs that our own engine refuses, where it is installed here; ranges of values too.

    Raises:
        ConfigError: with the words of `yolo_v4 check_spec`.
    """
    if settings.engine != "portable" or in_image(settings):
        return
    for path, text, root in _filled(settings):
        if root == EXPERIMENT:  # a start of Python each: of conversions it would know no more than we do
            _ask(settings, path, text)


def _ask(settings: Settings, path: Path, text: str) -> None:
    import subprocess  # a run does not ask
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        copy.write_text(text, encoding="utf-8")
        request = Request(subcommand="check_spec", arguments=("-e", str(copy)), results=None)
        answer = subprocess.run(
            resolve(settings).argv(request),
            env=environment(settings),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    if answer.returncode:
        said = answer.stderr.replace(str(copy), str(path)).strip()
        message, _, remedy = said.removeprefix("error: ").partition("\n  try: ")
        raise ConfigError(message, remedy=remedy or f"correct {path}")


def _filled(settings: Settings) -> Iterator[tuple[Path, str, str]]:
    """The file that a person edits, its text as a run would fill it, and the outermost message."""
    copies = SpecCopies(Workspace(settings.workspace))
    anchors = anchors_literal([(10, 20), (30, 60), (90, 60)])
    values = {
        **numbers_of_run(settings),
        **{f"anchors_{scale}": anchors for scale in ("small", "mid", "big")},
        "workspace": _WORKSPACE,
        "validation": "val",
        "starting_point": "",
    }
    path = copies.path(settings.recipe.spec)
    yield path, fill(copies.template(settings.recipe.spec), values, where=str(path)), EXPERIMENT
    for name in map(conversion_template, SPLITS):
        path = copies.path(name)
        text = fill(copies.template(name), {"workspace": _WORKSPACE}, where=str(path))
        yield path, text, CONVERSION


def check_text(text: str, root: str, *, where: str) -> None:
    """Refuse protobuf text with a field that its message does not have, or a value of another kind.

    Args:
        root: the outermost message, EXPERIMENT or CONVERSION.
        where: the file, for messages.

    Raises:
        ConfigError: the first thing that is wrong, and its line.
    """
    _Reader(text, root, where).read()


class _Reader:
    """Goes through the tokens of one spec, block by block."""

    def __init__(self, text: str, root: str, where: str) -> None:
        self._root, self._where = root, where
        self._last_line = text.count("\n") + 1
        self._rest = iter(tokens(text))
        self._ahead = next(self._rest, None)
        self._open: list[tuple[str, Token]] = []  # message and name of the blocks around

    def read(self) -> None:
        """Raises ConfigError at the first thing that is wrong."""
        while self._ahead is not None:
            token = self._take()
            if token.text in ",;":
                continue
            if token.text in "}>":
                if not self._open:
                    raise self._error(token, f"{token.text} closes nothing", "remove it")
                self._open.pop()
            else:
                self._field(token)
        if self._open:
            raise self._not_closed(Token("the end", self._last_line, 0))

    def _field(self, name: Token) -> None:
        known = fields()[self._message]
        kind = known.get(name.text)
        if kind is None:
            raise self._unknown(name, known)
        has_colon = self._ahead is not None and self._ahead.text == ":"
        if has_colon:
            self._take()
        if kind in fields():
            if self._take().text not in "{<":
                raise self._error(name, f"{name.text} is a block", f"write {name.text} {{ ... }}")
            self._open.append((kind, name))
        elif not has_colon:
            raise self._error(name, f"{name.text} has no value", f"write {name.text}: and a value")
        else:
            self._value(name, kind)

    def _value(self, name: Token, kind: str) -> None:
        single = kind.removesuffix("[]")
        value = self._take()
        if value.text == "[" and single != kind:
            while (value := self._take()).text not in ("]", ""):
                if value.text != ",":
                    self._one(name, value, single)
            return
        self._one(name, value, single)
        while (
            single == "string" and self._ahead and self._ahead.text[0] in "\"'"
        ):  # goes on in another string
            self._one(name, self._take(), single)

    def _one(self, name: Token, value: Token, kind: str) -> None:
        looks, words = _KINDS.get(kind, (rf"{kind}|{_INTEGER}", f"one of {kind.replace('|', ', ')}"))
        if value.text in ("'", '"'):
            raise self._error(value, f"the text of {name.text} has no closing quote", "close it on its line")
        if not re.fullmatch(looks, value.text):
            near = closest(value.text.upper(), kind.split("|")) if "|" in kind else ""
            remedy = f"did you mean {near}?" if near else "correct the value"
            raise self._error(value, f"{name.text} is {value.text or 'empty'}, expected {words}", remedy)

    def _unknown(self, name: Token, known: dict[str, str]) -> ConfigError:
        if self._open and name.text in fields()[self._root]:
            return self._not_closed(name)
        inside = f"in {self._open[-1][1].text}" if self._open else "outside of the blocks"
        problem = f"there is no field {name.text} {inside}"
        near = closest(name.text, known)
        parents = sorted(
            {
                parent
                for message in fields().values()
                for parent, kind in message.items()
                if name.text in fields().get(kind, {})
            }
        )
        if parents:
            remedy = f"move it into {' or '.join(parents)} {{ ... }}"
        else:
            remedy = f"did you mean {near}?" if near else f"remove it; known are {', '.join(sorted(known))}"
        return self._error(name, problem, remedy)

    def _not_closed(self, before: Token) -> ConfigError:
        block = self._open[-1][1]
        problem = f"{block.text} is not closed before {before.text}"
        return self._error(block, problem, "add } where its block ends")

    @property
    def _message(self) -> str:
        return self._open[-1][0] if self._open else self._root

    def _take(self) -> Token:
        """The next token; one without text at the end."""
        token, self._ahead = self._ahead, next(self._rest, None)
        return token or Token("", self._last_line, 0)

    def _error(self, token: Token, problem: str, remedy: str) -> ConfigError:
        return ConfigError(f"{self._where} line {token.line}: {problem}", remedy=remedy)
