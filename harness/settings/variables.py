"""Every setting, declared once with its help, reader and default, and the frozen value of all of them.

A setting has the same name everywhere: `--val-split` on the command line, `VAL_SPLIT` for make,
`JAMCAM_VAL_SPLIT` in the environment and `val_split` in luigi.cfg. Parsers and help texts are made from these
declarations; Makefile, luigi.cfg and README are tested against them. What only one verb can use, such as
`--force`, is an option of that verb instead, and is read from the command line only.
"""

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from harness.settings.dataset import Dataset, load_dataset
from harness.settings.declared import find_declared
from harness.settings.numbers import NUMBERS, read_numbers
from harness.settings.platform import PLAIN, WALL_TIME, Platform, load_platform
from harness.settings.recipe import CHECKPOINTS, Recipe, load_recipe

ENGINES = ("portable", "tao", "here")
# Settings of earlier versions, and what to use instead.
WITHDRAWN = {"scheduler": "`jamcam status --watch` shows a run"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Variable:
    """What a user has to know of one setting."""

    name: str
    field: str  # of Settings; also of the recipe or platform that says the default
    help: str
    read: Callable[[str], Any] = str  # raises ValueError where the text is not `expected`
    expected: str = "a text"
    default: str = ""  # as a user would write it
    default_from: str = ""  # "recipe" or "platform", where one of those says the default

    @property
    def option(self) -> str:
        """As it is written on the command line."""
        return option(self.name)


def option(name: str) -> str:
    """How the setting `name` is written on the command line."""
    return "--" + name.replace("_", "-")


def setting(help: str, **declared: Any) -> Any:
    """A field of Settings that users can set; `declared` are other fields of Variable."""
    return field(metadata={"help": help, **declared})


def _whole_from(least: int) -> dict[str, Any]:
    def read(text: str) -> int:
        value = int(text)
        if value < least:
            raise ValueError(text)
        return value

    return {"read": read, "expected": f"a whole number of {least} or more"}


def _between(low: float, high: float, *, expected: str, with_high: bool = False) -> dict[str, Any]:
    def read(text: str) -> float:
        value = float(text)
        if low < value < high or (with_high and value == high):
            return value
        raise ValueError(text)

    return {"read": read, "expected": expected}


def _number_from_0() -> dict[str, Any]:
    def read(text: str) -> float:
        value = float(text)
        if not 0 <= value < float("inf"):
            raise ValueError(text)
        return value

    return {"read": read, "expected": "a number of 0 or more"}


def _matching(pattern: "re.Pattern[str]", *, expected: str) -> dict[str, Any]:
    def read(text: str) -> str:
        if text and not pattern.fullmatch(text):
            raise ValueError(text)
        return text

    return {"read": read, "expected": expected}


def read_switch(text: str) -> bool:
    """Whether a switch is on.

    Raises:
        ValueError: it is neither 1, true, yes nor 0, false, no or empty.
    """
    if text.lower() in ("1", "true", "yes"):
        return True
    if text.lower() in ("0", "false", "no", ""):
        return False
    raise ValueError(text)


def _engine(text: str) -> str:
    if text not in ENGINES:
        raise ValueError(text)
    return text


def _checkpoint(text: str) -> str:
    if text not in CHECKPOINTS:
        raise ValueError(text)
    return text


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _path_or_none(text: str) -> str:
    return str(_path(text)) if text else ""


COUNT, COUNT_OR_NONE = _whole_from(1), _whole_from(0)
RATE = _between(0, 100, with_high=True, expected="a number above 0, up to 100")
SWITCH = {"read": read_switch, "expected": "1 or 0"}
QUEUE_NAME = _matching(PLAIN, expected="a name without blanks and quotes")
DURATION = _matching(WALL_TIME, expected="[days-]hours:minutes:seconds")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Settings:
    """Everything a stage may depend on. Compared by identity, so that it can be a luigi parameter."""

    recipe: Recipe = setting(
        "what to run: smoke, sample, jamcam, jamcam-plus, photographs, or a path to a recipe",
        read=load_recipe,
        default="sample",
    )
    dataset: Dataset = setting(
        "data set in specs/datasets, or a path to one", read=load_dataset, default_from="recipe"
    )
    engine: str = setting(
        "which yolo_v4 to run: portable (ours), tao (NVIDIA's container), here (the one on PATH)",
        read=_engine,
        expected="portable, tao or here",
        default="portable",
    )
    platform: Platform = setting(
        "machine in specs/platforms, or a path to its file", read=load_platform, default="local"
    )
    # Path of a container image, "" for none.
    image: str = setting(
        "container image that holds the engine; tao needs one", read=_path_or_none, default_from="platform"
    )
    tao_version: str = setting("TAO release in that image, such as 3.21.11 or 5.0.0", default_from="platform")
    workspace: Path = setting("folder for data and products", read=_path, default="workspace")
    results: Path = setting("folder for records of measurements", read=_path, default="results")
    pretrained: str = setting("weights to start training from: a file or an address", default_from="recipe")
    pretrained_sha256: str = setting(
        "sha256 of those weights; a remote address needs one", default_from="recipe"
    )
    epochs: int = setting("training epochs", **COUNT, default_from="recipe")
    batch: int = setting("frames per GPU and step", **COUNT, default_from="recipe")
    seed: int = setting("seed of splits and training", **COUNT_OR_NONE, default_from="recipe")
    val_split_pct: float = setting(
        "percent of the training frames kept for validation",
        **_between(0, 100, expected="a number above 0 and below 100"),
        default_from="recipe",
        name="val_split",
    )
    limit: int = setting("train on only this many frames; 0: all", **COUNT_OR_NONE, default_from="recipe")
    numbers: str = setting(
        "number format of training: fp32, bf16, fp16, or auto for the faster one, measured once",
        read=read_numbers,
        expected=f"one of {', '.join(NUMBERS)}",
        default_from="recipe",
    )
    checkpoint: str = setting(
        "checkpoint that eval, vis, export and predict take: last, or best on the validation frames",
        read=_checkpoint,
        expected="last or best",
        default_from="recipe",
    )
    gpus: int = setting("GPUs to train on, of each machine", **COUNT, default_from="platform")
    nodes: int = setting("machines to train on", **COUNT, default_from="platform")
    # What a queue is told; "" for nothing.
    account: str = setting("Slurm account", **QUEUE_NAME, default_from="platform")
    qos: str = setting("Slurm quality of service", **QUEUE_NAME, default_from="platform")
    partition: str = setting("Slurm partition", **QUEUE_NAME, default_from="platform")
    wall_time: str = setting(
        "time limit of a job: [days-]hours:minutes:seconds", **DURATION, default_from="platform"
    )
    array: int = setting("how many times a job runs, one after another, as a job array", **COUNT, default="1")
    deep: bool = setting("1: compare the contents of products, not only their sizes", **SWITCH, default="0")
    keep: bool = setting(
        "0: clean also removes archive, weights and spec copies; 1: bench keeps its workspace",
        **SWITCH,
        default="1",
    )
    kept_gib: float = setting(
        "GiB that products of earlier settings may take until they are taken back",
        **_number_from_0(),
        default="20",
    )
    gpu_hz: float = setting("GPU samples per second while measuring", **RATE, default="10")
    host_hz: float = setting(
        "samples of the rest of the machine per second while measuring", **RATE, default="1"
    )
    origins: Mapping[str, str]  # setting -> where its value came from
    cli_options: Mapping[str, str]  # what the command line said
    overrides: Mapping[str, str]  # what command line, environment and luigi.cfg said
    via_make: bool = False  # the command line was make's
    forced: bool = False  # `export` was told to write int8 that could not be judged
    remarks: tuple[str, ...] = ()  # on what was said and does nothing

    @property
    def recipe_file(self) -> Path:
        """The file that says the recipe."""
        built_in = next(each.default for each in VARIABLES if each.name == "recipe")
        return find_declared("recipes", self.overrides.get("recipe", built_in))

    @property
    def frames_per_step(self) -> int:
        """Of all GPUs together."""
        return self.batch * self.gpus * self.nodes

    def command(self, *words: str) -> str:
        """The command line that does a verb with these settings, ready to be typed."""
        said = self.cli_options.items()
        if self.via_make and len(words) == 1:
            return shlex.join(["make", *words, *(f"{name.upper()}={text}" for name, text in said)])
        return shlex.join(["jamcam", *words, *(f"{option(name)}={text}" for name, text in said)])


VARIABLES = tuple(
    Variable(**{"name": each.name, "field": each.name, **each.metadata})
    for each in fields(Settings)
    if each.metadata
)
