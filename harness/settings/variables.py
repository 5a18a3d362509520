"""What was decided before a run: one frozen value, and where each part of it came from."""

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import ConfigError
from harness.settings.dataset import Dataset
from harness.settings.platform import PLAIN, WALL_TIME, Platform
from harness.settings.recipe import Recipe

DURATION = "[days-]hours:minutes:seconds"
ENGINES = ("portable", "tao", "here")


def option(name: str) -> str:
    """How the variable `name` is written on the command line."""
    return "--" + name.replace("_", "-")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Settings:
    """Everything a stage may depend on. Compared by identity, so that it can be a luigi parameter."""

    recipe: Recipe
    dataset: Dataset
    platform: Platform
    engine: str  # one of ENGINES
    image: str  # path of a container image, "" for none
    tao_version: str
    workspace: Path  # absolute
    results: Path  # absolute; where records lie
    pretrained: str  # file or address of weights to start from, "" for none
    pretrained_sha256: str
    epochs: int
    batch: int  # frames per GPU
    seed: int
    val_split_pct: float  # of the training frames, 0 < x < 100
    limit: int  # frames of the data set used, 0: all
    gpus: int
    nodes: int
    account: str  # what a queue is told; "" for nothing
    qos: str
    partition: str
    wall_time: str
    array: int  # how many times over a job runs
    deep: bool  # look at the contents of products, not only at their sizes
    keep: bool  # `clean` leaves alone what was fetched and what a person may have edited
    gpu_hz: float  # how often a bench looks at the GPUs
    host_hz: float  # and at the rest of the machine
    scheduler: int  # port of a luigid on this machine, 0 for none
    origins: Mapping[str, str]  # variable -> where its value came from
    given: Mapping[str, str]  # what the command line said
    decided: Mapping[str, str]  # what command line, environment and luigi.cfg said
    via_make: bool = False  # it was make's

    @property
    def frames_per_step(self) -> int:
        """Of all GPUs together."""
        return self.batch * self.gpus * self.nodes

    def command(self, *words: str) -> str:
        """The command line that does a verb with these settings, ready to be typed."""
        if self.via_make and len(words) == 1:
            return shlex.join(["make", *words, *(f"{name.upper()}={text}" for name, text in self.given.items())])
        return shlex.join(["jamcam", *words, *(f"{option(name)}={text}" for name, text in self.given.items())])


@dataclass(frozen=True, kw_only=True, slots=True)
class Variable:
    """One setting: the same name on the command line, as JAMCAM_*, in luigi.cfg and for make."""

    name: str
    help: str
    read: Callable[[str], Any] = str  # raises ValueError or KeyError where the text is not `expected`
    expected: str = "a text"
    default: str | None = None  # None: the recipe or the platform says it

    @property
    def option(self) -> str:
        """As it is written on the command line."""
        return option(self.name)


def _whole_from(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if value < least:
            raise ValueError(text)
        return value

    return read


def _percent(text: str) -> float:
    value = float(text)
    if not 0 < value < 100:
        raise ValueError(text)
    return value


def _hertz(text: str) -> float:
    value = float(text)
    if not 0 < value <= 100:
        raise ValueError(text)
    return value


def _switch(text: str) -> bool:
    return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}[text.lower()]


def _engine(text: str) -> str:
    return {name: name for name in ENGINES}[text]


def _matching(pattern: "re.Pattern[str]") -> Callable[[str], str]:
    def read(text: str) -> str:
        if text and not pattern.fullmatch(text):
            raise ValueError(text)
        return text

    return read


def _for_queue(name: str, words: str) -> Variable:
    return Variable(name=name, help=words, read=_matching(PLAIN), expected="a name without blanks and quotes")


def _count(name: str, words: str, *, default: str | None = None) -> Variable:
    return Variable(name=name, help=words, read=_whole_from(1), expected="a whole number of 1 or more", default=default)


def _count_or_none(name: str, words: str) -> Variable:
    return Variable(name=name, help=words, read=_whole_from(0), expected="a whole number of 0 or more")


def _yes_or_no(name: str, words: str, *, default: str) -> Variable:
    return Variable(name=name, help=words, read=_switch, expected="1 or 0", default=default)


def _rate(name: str, words: str, *, default: str) -> Variable:
    return Variable(name=name, help=words, read=_hertz, expected="a number above 0, up to 100", default=default)


VARIABLES = (
    Variable(name="recipe", default="sample", help="recipe in specs/recipes, or a path to one"),
    Variable(name="dataset", help="data set in specs/datasets, or a path to one"),
    Variable(
        name="engine",
        read=_engine,
        expected="portable, tao or here",
        default="portable",
        help="who answers: portable (this environment), tao (the container), here (yolo_v4 on PATH)",
    ),
    Variable(name="platform", default="local", help="platform in specs/platforms, or a path to one"),
    Variable(name="image", help="container image that the engine is in; tao needs one"),
    Variable(name="tao_version", help="which TAO that image holds, such as 3.21.11 or 5.0.0"),
    Variable(name="workspace", default="workspace", help="where data and products go"),
    Variable(name="results", default="results", help="where records of measurements lie"),
    Variable(name="pretrained", help="weights to start training from: a file or an address"),
    Variable(name="pretrained_sha256", help="their sha256; a remote address needs one"),
    _count("epochs", "training epochs"),
    _count("batch", "frames per GPU and step"),
    _count_or_none("seed", "seed of splits and training"),
    Variable(
        name="val_split",
        read=_percent,
        expected="a number above 0 and below 100",
        help="percent of the training frames kept for validation",
    ),
    _count_or_none("limit", "train on only this many frames; 0: all"),
    _count("gpus", "GPUs to train on"),
    _count("nodes", "machines to train on"),
    _for_queue("account", "whose budget a job is on"),
    _for_queue("qos", "quality of service of a job"),
    _for_queue("partition", "part of the cluster a job runs in"),
    Variable(
        name="wall_time", read=_matching(WALL_TIME), expected=DURATION, help=f"how long a job may take: {DURATION}"
    ),
    _count("array", "how many times over, one after another as a job array", default="1"),
    _yes_or_no("deep", "1: compare the contents of products, not only their sizes", default="0"),
    _yes_or_no("keep", "0: clean also removes the archive, pretrained weights and spec copies", default="1"),
    _rate("gpu_hz", "how often a bench looks at the GPUs, per second", default="10"),
    _rate("host_hz", "how often a bench looks at the rest of the machine, per second", default="1"),
    Variable(
        name="scheduler",
        read=_whole_from(0),
        expected="a whole number of 0 or more",
        default="0",
        help="port of a luigid on this machine to report to; 0: none",
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """One place settings come from; earlier layers win."""

    origin: str
    values: Mapping[str, str]


def choose(variable: Variable, layers: tuple[Layer, ...]) -> tuple[Any, str]:
    """The value of `variable` in the first layer that has one, and that layer's origin.

    Raises:
        ConfigError: the text is not what the variable takes, or no layer has a value.
    """
    for layer in layers:
        text = layer.values.get(variable.name)
        if text is None:
            continue
        try:
            return variable.read(text), layer.origin
        except (ValueError, KeyError) as error:
            raise ConfigError(
                f"{variable.name} is '{text}' ({layer.origin}), expected {variable.expected}",
                remedy=f"give {variable.option} {variable.expected}",
            ) from error
    raise ConfigError(f"nothing says {variable.name}", remedy=f"give {variable.option}")
