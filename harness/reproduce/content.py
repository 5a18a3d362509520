"""Whether two files or folders hold the same although their bytes differ: by the kind of each file.

JSON is compared by value, text of specs by tokens, other text by words and numbers, and pictures by pixels.
Checkpoints, ONNX models and TFRecords are left to `yolo_v4 compare`, which can read them.
"""

import itertools
import json
import math
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data.pictures import MAX_PICTURE_PX
from harness.engine.answers import read_status
from harness.engine.find import python_environment
from harness.engine.spec_text import canonical
from harness.text import one_line
from harness.verdict import Verdict

PICTURES = (".jpg", ".jpeg", ".png")
TEXTS = (".txt", ".csv", ".names")
OF_ENGINE = re.compile(r".*(\.pt|\.onnx|-shard-\d+-of-\d+)")
SPEC = re.compile(r"experiment/yolo_v4_.*\.txt")
ANCHORS = re.compile(r"(big|mid|small)_anchor_shape")
ABSENT = object()  # null is a value, and says something else


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """Whether two contents are the same, and where they differ first, or why nobody can tell."""

    same: Verdict
    difference: str = ""


SAME = Answer(same=Verdict.YES)


def compare_contents(there: Path, here: Path, products: Sequence[str]) -> dict[str, Answer]:
    """Compare products, whose bytes differ, below two folders; one answer for each product."""
    answers: dict[str, Answer] = {}
    waiting: dict[str, list[str]] = {}  # product -> its files that the engine has to compare
    for product in products:
        pairs = _different_files(there / product, here / product)
        if isinstance(pairs, Answer):
            answers[product] = pairs
            continue
        names = [f"{product}/{name}" if name else product for name in pairs]
        by_us = [_compare(there / name, here / name, name) for name in names if not OF_ENGINE.fullmatch(name)]
        answers[product] = joined(by_us)
        waiting[product] = [name for name in names if OF_ENGINE.fullmatch(name)]
    asked = _ask_engine(there, here, [name for names in waiting.values() for name in names])
    for product, names in waiting.items():
        answers[product] = joined([answers[product], *(asked[name] for name in names)])
    return answers


def _different_files(there: Path, here: Path) -> list[str] | Answer:
    """Names of the files that differ, "" for a product that is a file; or what else differs."""
    if there.is_dir() != here.is_dir():
        return _no("one is a folder, the other a file")
    if there.is_file():
        return [""]
    names = [
        {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
        for root in (there, here)
    ]
    only = sorted(names[0] ^ names[1])
    if only:
        side = "there" if only[0] in names[0] else "here"
        return _no(f"{one_line(only[0])} is {side} only, of {len(only)} such files")
    return [name for name in sorted(names[0]) if (there / name).read_bytes() != (here / name).read_bytes()]


def joined(answers: Iterable[Answer]) -> Answer:
    """The first no, else the first that cannot be told; the number of files that differ in front."""
    every = list(answers)
    for verdict in (Verdict.NO, Verdict.CANNOT_TELL):
        found = [answer for answer in every if answer.same is verdict]
        if found:
            more = f" (and {len(found) - 1} more files)" if len(found) > 1 else ""
            return Answer(same=verdict, difference=f"{found[0].difference}{more}")
    return SAME


def _compare(there: Path, here: Path, name: str) -> Answer:
    suffix = Path(name).suffix.lower()
    try:
        if suffix == ".json":
            return _values(json.loads(there.read_text()), json.loads(here.read_text()), name)
        if suffix == ".jsonl":
            tables = ([json.loads(line) for line in path.read_text().splitlines()] for path in (there, here))
            return _values(next(tables), next(tables), name)
        if suffix in PICTURES:
            return _pixels(there, here, name)
        if suffix in TEXTS:
            texts = there.read_text(), here.read_text()
            if SPEC.fullmatch(name):
                return _tokens(canonical(texts[0]), canonical(texts[1]), name)
            return _texts(*texts, name)
    except (ValueError, RecursionError) as error:  # not what its name says
        return _no(f"{one_line(name)} cannot be read on one side: {type(error).__name__}")
    return Answer(same=Verdict.CANNOT_TELL, difference=f"nothing here reads files such as {one_line(name)}")


def _no(words: str) -> Answer:
    return Answer(same=Verdict.NO, difference=words)


def _values(there: Any, here: Any, where: str) -> Answer:
    found = first_difference(there, here, one_line(where))
    return _no(found) if found else SAME


def first_difference(there: Any, here: Any, where: str) -> str:
    """Where two values of JSON differ first, in words; "" where they do not.

    1 and 1.0 are equal, and NaN is equal to NaN.
    """
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        keys = [*there, *(key for key in here if key not in there)]
        pairs = ((there.get(key, ABSENT), here.get(key, ABSENT), f"{where} {key}") for key in keys)
        return next(filter(None, (first_difference(*pair) for pair in pairs)), "")
    if isinstance(there, list) and isinstance(here, list):
        both = itertools.zip_longest(there, here, fillvalue=ABSENT)
        found = (first_difference(*pair, f"{where} {place}") for place, pair in enumerate(both))
        return next(filter(None, found), "")
    is_same = there == here or (there != there and here != here)
    if is_same and isinstance(there, bool) == isinstance(here, bool):
        return ""
    return f"{one_line(where)} was {_shown(there)}, is {_shown(here)}"


def _texts(there: str, here: str, name: str) -> Answer:
    """Line by line, words as words and numbers as numbers."""
    for number, (old, new) in enumerate(
        itertools.zip_longest(there.splitlines(), here.splitlines(), fillvalue=ABSENT), start=1
    ):
        if _words(old) != _words(new):
            return _no(f"{one_line(name)} line {number} was {_shown(old)}, is {_shown(new)}")
    return SAME


def _tokens(there: str, here: str, name: str) -> Answer:
    """Two specs, a token a line; the field is named before the value that differs."""
    old, new = there.split("\n"), here.split("\n")
    for place, pair in enumerate(itertools.zip_longest(old, new, fillvalue=ABSENT)):
        if pair[0] != pair[1]:
            field = old[place - 2] if place > 1 and old[place - 1] == ":" else f"token {place}"
            return _no(f"{one_line(name)} {one_line(field)} was {_shown(pair[0])}, is {_shown(pair[1])}")
    return SAME


def without_anchors(text: str) -> list[str]:
    """The tokens of a spec without the values of its anchors, which training data decide."""
    every = canonical(text).split("\n")
    return [
        token for place, token in enumerate(every) if place < 2 or not ANCHORS.fullmatch(every[place - 2])
    ]


def _words(line: Any) -> list[str | float]:
    return [_number(word) for word in re.split(r"[\s,]+", line)] if line is not ABSENT else ["no such line"]


def _number(word: str) -> str | float:
    try:
        number = float(word)
    except ValueError:
        return word
    return number if math.isfinite(number) else word  # NaN is not equal to itself


def _pixels(there: Path, here: Path, name: str) -> Answer:
    from PIL import Image, ImageChops  # 30 ms, which runs of the same bytes do without

    pictures = []
    for path in (there, here):
        try:
            picture = Image.open(path)
            if picture.width * picture.height > MAX_PICTURE_PX:
                return Answer(same=Verdict.CANNOT_TELL, difference=f"{one_line(name)} is too large to decode")
            pictures.append(picture.convert("RGB"))
        except (OSError, ValueError):  # whose words may have a path in them
            return _no(f"{one_line(name)} cannot be decoded on one side")
    if pictures[0].size != pictures[1].size:
        return _no(f"{one_line(name)} was {pictures[0].size} pixels, is {pictures[1].size}")
    difference = ImageChops.difference(*pictures)
    box = difference.getbbox()
    if box is None:
        return SAME
    most = max(difference.tobytes())
    return _no(f"pixels of {one_line(name)} differ in the box {box}, by at most {most} of 255")


def _ask_engine(there: Path, here: Path, names: Sequence[str]) -> dict[str, Answer]:
    if not names:
        return {}
    with tempfile.TemporaryDirectory(prefix="compare-") as folder:
        words = ["compare", "--left", str(there), "--right", str(here), "-r", folder]
        asked = subprocess.run(
            [sys.executable, "-m", "yolo_v4", *words, "--", *names],
            env=python_environment("yolo_v4"),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        entries = read_status(Path(folder))
    told = entries[-1].get("kpi", {}) if entries else {}
    why = f"yolo_v4 compare ended with status {asked.returncode}"
    if "No module named" in asked.stderr:
        why = "the detector's packages are not installed here, which read it"
    return {name: _answer(told.get(name), name, why) for name in names}


def _answer(table: Any, name: str, why: str) -> Answer:
    if not isinstance(table, Mapping) or not isinstance(table.get("difference"), str):
        return Answer(same=Verdict.CANNOT_TELL, difference=f"{one_line(name)}: {why}")
    words = f"{one_line(name)}: {one_line(table['difference'])}"
    if table.get("same") is None and table.get("unreadable") == "left":
        return Answer(same=Verdict.CANNOT_TELL, difference=words)  # of a kind that is not known here
    return SAME if table.get("same") else _no(words)


def _shown(value: Any) -> str:
    text = "not there" if value is ABSENT else value if isinstance(value, str) else json.dumps(value)
    return one_line(text, longest=80)
