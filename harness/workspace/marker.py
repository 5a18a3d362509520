"""The marker of a finished stage, and the fingerprint by which a later run tells whether it is still right.

`.markers/<stage>.json` is written last. It names the products with their digests, and the fingerprint: the
digest of the ingredients (settings, spec, engine, what other stages made), which lie in
`.markers/inputs/<stage>.json`, so that changes can be told in words. A workspace may come from elsewhere: a
marker is data, and one that names what its stage never makes proves nothing, and nothing is done by it.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from harness.files import Digest, read_json, remove, write_json
from harness.workspace.layout import Workspace, owns

SCHEMA_VERSION = 1
LONGEST_S = 1e12  # beyond which a duration is no number of seconds
DIGEST_LENGTH, DIGEST_SHOWN = 64, 12  # hexadecimal digits of a SHA-256: all, and as many as a person compares

FINGERPRINT = re.compile(rf"[0-9a-f]{{{DIGEST_LENGTH}}}")  # also the name of a folder

# In the order of the workflow; the same spelling on the command line, in make, and in file names.
STAGES = ("download", "verify", "gen-valid", "tune-bdb", "convert-data", "train", "eval", "vis", "export")


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """A file or folder that a stage promised and made."""

    path: str  # relative to the workspace
    digest: Digest


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineIdentity:
    """The engine that was asked, as far as it can change what comes out."""

    name: str  # portable, tao, or the name of a program found on PATH
    version: str
    image: str = ""
    image_digest: str = ""
    image_made: Mapping[str, str] = field(default_factory=dict)  # how, by its manifest; decides nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class Marker:
    """A finished stage."""

    stage: str
    fingerprint: str
    consumed: Mapping[str, str]  # upstream stage -> digest of its products
    products: tuple[Product, ...]
    engine: EngineIdentity | None
    argv: tuple[tuple[str, ...], ...]
    started_utc: str
    finished_utc: str
    duration_s: float
    harness_version: str
    git_commit: str | None
    # These two explain other bytes, and decide nothing. What the engine computed with, several where it was
    # resumed; and recipe, dataset, python, packages {name: version}, sources_changed. Of training, in words,
    # numbers: why the engine computed in its format; best_checkpoint: which found most on validation frames.
    numerics: tuple[Mapping[str, Any], ...] = ()
    made_with: Mapping[str, Any] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        """Digest of all products, which the next stages note as consumed."""
        return digest_of([(product.path, product.digest.sha256) for product in self.products])

    @property
    def engine_words(self) -> str:
        """The engine and its version, for people; "" of a stage that asks none.

        Our own outside an image is of the release that asked it. Its version in `engine` is that of what it
        computes, which releases of the same work share.
        """
        if self.engine is None:
            return ""
        is_ours = self.engine.name == "portable" and not self.engine.image
        return f"{self.engine.name} {self.harness_version if is_ours else self.engine.version}"


def write_marker(workspace: Workspace, marker: Marker, ingredients: Mapping[str, Any]) -> None:
    """Say that a stage is done; `ingredients` is what its fingerprint was made of."""
    # They only explain: a marker without them is as good.
    write_json(workspace.marker_inputs(marker.stage), ingredients, durable=False)
    write_json(workspace.marker(marker.stage), marker_table(marker))


def marker_table(marker: Marker) -> dict[str, Any]:
    """A marker as its file has it; `parse_marker` reads it."""
    table: dict[str, Any] = {"schema_version": SCHEMA_VERSION, **asdict(marker)}
    for name in ("numerics", "made_with"):
        if not table[name]:  # an engine that does not tell, a marker of an earlier version
            del table[name]
    table["products"] = [{"path": product.path, **asdict(product.digest)} for product in marker.products]
    return table


def read_marker(workspace: Workspace, stage: str) -> Marker | None:
    """The marker of `stage`; None where there is none, or none that can be understood.

    Raises:
        OSError: it is there and may not be read, so whether the stage is done cannot be told.
    """
    path = workspace.marker(stage)
    table = read_json(path)
    if not table:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            path.open("rb").close()
    return parse_marker(table, stage)


def parse_marker(table: Mapping[str, Any], stage: str) -> Marker | None:
    """The marker that `table` is; None where it is none of `stage`, or names what is not that stage's own."""
    fields = {key: value for key, value in table.items() if key not in ("schema_version", "products")}
    if table.get("schema_version") != SCHEMA_VERSION:
        return None
    try:
        engine = fields.pop("engine")
        marker = Marker(
            products=tuple(_product(entry) for entry in table["products"]),
            engine=EngineIdentity(**engine) if engine else None,
            argv=tuple(tuple(line) for line in fields.pop("argv")),
            numerics=tuple(filter(_is_flat, fields.pop("numerics", ()))),
            made_with=_made_with(fields.pop("made_with", {})),
            **fields,
        )
        return marker if _is_sound(marker, stage) else None
    except (KeyError, TypeError, AttributeError):
        return None


def _is_flat(table: Any) -> bool:
    """Whether it is a table of texts, numbers and the like."""
    plain = str | int | float | bool | None
    return isinstance(table, Mapping) and all(isinstance(value, plain) for value in table.values())


def _made_with(table: Any) -> dict[str, Any]:
    """Texts and a table of texts, as others may have written them; what is something else is left out."""
    given = table if isinstance(table, Mapping) else {}
    packages = given.get("packages")
    texts = {name: text for name, text in given.items() if isinstance(text, str)}
    if not isinstance(packages, Mapping):
        return texts
    return {**texts, "packages": {n: v for n, v in packages.items() if isinstance(v, str)}}


def _product(entry: Mapping[str, Any]) -> Product:
    digest = Digest(**{key: entry[key] for key in ("bytes", "files", "sha256")})
    return Product(path=entry["path"], digest=digest)


def _is_sound(marker: Marker, stage: str) -> bool:
    texts = [marker.stage, marker.started_utc, marker.finished_utc, marker.harness_version]
    texts += [product.digest.sha256 for product in marker.products]
    texts += [word for line in marker.argv for word in line]
    texts += [text for pair in marker.consumed.items() for text in pair if text is not None]
    texts += [] if marker.git_commit is None else [marker.git_commit]
    if engine := marker.engine:
        texts += [engine.name, engine.version, engine.image, engine.image_digest]
        texts += [text for pair in engine.image_made.items() for text in pair]
    owned = all(owns(stage, product.path) for product in marker.products)
    named = isinstance(marker.fingerprint, str) and FINGERPRINT.fullmatch(marker.fingerprint)
    timed = -LONGEST_S < marker.duration_s < LONGEST_S  # below 0 where a clock was set back; never NaN
    typed = all(isinstance(text, str) for text in texts)
    return bool(owned and named and timed and typed and marker.stage == stage)


def why_no_marker(workspace: Workspace, stage: str) -> str:
    """Why `read_marker` gives none, in words."""
    path = workspace.marker(stage)
    if not path.exists():
        return "not run yet"
    name, entries = path.relative_to(workspace.root), read_json(path).get("products")
    for entry in entries if isinstance(entries, list) else ():
        product = entry.get("path") if isinstance(entry, dict) else None
        if isinstance(product, str) and not owns(stage, product):
            return f"{name} proves nothing: it names '{product}', which {stage} never makes"
    return f"{name} proves nothing: it cannot be understood"


def read_ingredients(workspace: Workspace, stage: str) -> dict[str, Any]:
    """What the fingerprint of the marker was made of; empty where that was not kept."""
    return read_json(workspace.marker_inputs(stage))


def forget(workspace: Workspace, stage: str) -> None:
    """Take the marker away: from now on the stage is not done."""
    remove(workspace.marker(stage))


def digest_of(value: Any) -> str:
    """SHA-256 of a JSON-able value, independent of the order of keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, allow_nan=False).encode()).hexdigest()


def is_digest_of(digest: str, value: Any) -> bool:
    """Whether `digest_of` gives that; of what JSON does not know, such as NaN, there is no digest."""
    try:
        return digest_of(value) == digest
    except ValueError:
        return False


def changes(
    before: Mapping[str, Any], after: Mapping[str, Any], *, meaning: Callable[[str], str] = str.strip
) -> list[str]:
    """What differs between two sets of ingredients of a fingerprint, in words, settings first.

    Args:
        meaning: what counts of a line of a text; lines of which nothing does are left out.
    """
    reasons = differences(before.get("inputs"), after.get("inputs"), meaning=meaning)
    reasons += differences(before.get("engine"), after.get("engine"), "engine")
    if before.get("revision") != after.get("revision"):
        reasons.append(f"this stage works differently since (revision {after.get('revision')})")
    known = before.get("consumed")
    consumed = known if isinstance(known, Mapping) else {}
    for stage, outcome in after["consumed"].items():
        if consumed.get(stage) != outcome:
            reasons.append(f"what {stage} made has changed" if outcome else f"what {stage} made is gone")
    return reasons or ["what goes in has changed"]


def differences(
    before: Any, after: Any, name: str = "", *, meaning: Callable[[str], str] = str.strip
) -> list[str]:
    """Where two JSON-able values differ, in words; of texts every line whose `meaning` differs."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        lines = []
        for key in sorted({*before, *after}):
            lines += differences(before.get(key), after.get(key), f"{name} {key}".strip(), meaning=meaning)
        return lines
    if isinstance(before, str) and isinstance(after, str) and "\n" in before + after:
        return _text_differences(before, after, name, meaning)
    return [] if before == after else [f"{name} was {_shown(before)}, is now {_shown(after)}"]


def _text_differences(before: str, after: str, name: str, meaning: Callable[[str], str]) -> list[str]:
    """A sentence for each line that differs: with its number now, or before where it is gone."""
    import difflib  # only what has changed needs it

    old, new = _numbered(before, meaning), _numbered(after, meaning)
    was_meant, is_meant = ([meaning(line) for _, line in numbered] for numbered in (old, new))
    lines = []
    compared = difflib.SequenceMatcher(None, was_meant, is_meant, autojunk=False)
    for tag, i, i_end, j, j_end in compared.get_opcodes():
        both = min(i_end - i, j_end - j) if tag != "equal" else 0
        for (_, was), (number, now) in zip(old[i : i + both], new[j : j + both], strict=True):
            lines.append(f"{name} line {number} was '{was}', is now '{now}'")
        if tag != "equal":
            lines += [f"{name} line {number} '{line}' is gone" for number, line in old[i + both : i_end]]
            lines += [f"{name} line {number} '{line}' is new" for number, line in new[j + both : j_end]]
    return lines or ([] if meaning(before) == meaning(after) else [f"{name} has other line ends"])


def _numbered(text: str, meaning: Callable[[str], str]) -> list[tuple[int, str]]:
    return [(at, line.strip()) for at, line in enumerate(text.splitlines(), start=1) if meaning(line)]


def _shown(value: Any) -> str:
    if value is None:
        return "not there"
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return f"{text[:DIGEST_SHOWN]}…" if len(text) == DIGEST_LENGTH else text
