"""What goes into a crate: what is written from the markers, and the files that they name.

Weights and frames go in where they are asked for. Whatever names a place on this machine stays out.
"""

import hashlib
import json
import mmap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from harness.data.zip_file import MAX_MEMBER_BYTES
from harness.files import sha256_file
from harness.reproduce.crate_actions import WORKFLOW
from harness.reproduce.crate_graph import PACKAGES, README, Part
from harness.reproduce.crate_page import readme
from harness.reproduce.source import Run, spec_path
from harness.workspace.layout import Workspace
from harness.workspace.machine_paths import place_in, without_machine_paths
from harness.workspace.marker import marker_table
from harness.workspace.spec_copies import SPLITS, conversion_template

SCHEMA_VERSION = 1  # of workflow.json, and so of the crate
WEIGHTS, DATA = "weights", "data"  # what may be asked for
OF_WEIGHTS = ("experiment/weights", "experiment/export", "pretrained_resnet18")
OF_DATA = ("data", "experiment/visualisations")
TEXTS = {".txt", ".json", ".jsonl", ".csv", ".toml"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """A file to be packed: what its metadata tell, and its content or the file that has it.

    `is_told` is False of files in a folder, of which the digest of the folder tells.
    """

    part: Part
    source: bytes | Path
    is_told: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """Contents of a crate.

    `inside` are the products that are in it, each with its identifier there, and `left_out` is a line for
    each file that stays out although it was wanted.
    """

    contents: tuple[Content, ...]
    inside: Mapping[str, str]
    left_out: tuple[str, ...]


def choose(
    run: Run,
    *,
    titles: Mapping[str, str],
    wanted: Sequence[str],
    extra: Mapping[str, Path],
    places: Sequence[str],
) -> Chosen:
    """What goes into the crate of `run`.

    Args:
        titles: what each stage does, in words.
        wanted: WEIGHTS, DATA, both or none of them.
        extra: path in the crate -> file.
        places: texts by which a file gives away where it was made.
    """
    groups: list[tuple[str, list[Content]]] = [(each.part.path, [each]) for each in _made(run, titles)]
    groups += [(path, [_from_file(path, file)]) for path, file in sorted(extra.items())]
    products = {product.path: marker.stage for marker in run.markers.values() for product in marker.products}
    for path, stage in products.items():
        if (need := asked_for(path)) == "" or need in wanted:
            groups.append((path, [*_product(run, path, stage)]))
    contents: list[Content] = []
    inside, left_out = {}, []
    for path, group in groups:
        if found := next(filter(None, (_against(each, places) for each in group)), ""):
            left_out.append(f"{path}: {found}")
            continue
        contents += group
        if path in products:
            inside[path] = quote(path) + ("" if group[0].is_told else "/")
    return Chosen(contents=tuple(contents), inside=inside, left_out=tuple(left_out))


def asked_for(product: str) -> str:
    """What a product needs to be in a crate: WEIGHTS, DATA, or "" where it always is.

    Lists of the names of frames are in it: they hold no frames.
    """

    def is_below(tops: Sequence[str]) -> bool:
        return any(f"{product}/".startswith(f"{top}/") for top in tops)

    is_list = product.endswith((".json", ".names"))
    return WEIGHTS if is_below(OF_WEIGHTS) else DATA if is_below(OF_DATA) and not is_list else ""


def _product(run: Run, product: str, stage: str) -> Iterator[Content]:
    """The file that a product is, or all files below the folder."""
    assert run.folder is not None
    top = run.folder / product
    if top.is_file():
        yield _from_file(product, top, title=f"made by the stage {stage}")
    for path in sorted(top.rglob("*")) if top.is_dir() else ():
        if path.is_file():
            yield _from_file(path.relative_to(run.folder).as_posix(), path, is_told=False)


def _made(run: Run, titles: Mapping[str, str]) -> Iterator[Content]:
    """The files that are written from the markers."""
    stages = [
        {
            "name": stage,
            "title": titles[stage],
            "after": sorted(marker.consumed),
            "revision": run.ingredients.get(stage, {}).get("revision"),
        }
        for stage, marker in run.markers.items()
    ]
    workflow = {"schema_version": SCHEMA_VERSION, "stages": stages}
    yield from_bytes(README, readme(run).encode(), "what this is, in short")
    yield from_bytes(WORKFLOW, as_json(workflow), "the stages, and what each one comes after")
    if run.packages:
        lines = "".join(f"{name}=={version}\n" for name, version in sorted(run.packages.items()))
        yield from_bytes(PACKAGES, lines.encode(), "the packages that were installed")
    room = Workspace(Path())
    for stage, marker in run.markers.items():
        path = room.marker(stage).as_posix()
        yield from_bytes(path, as_json(marker_table(marker)), f"marker of the stage {stage}")
        if ingredients := run.ingredients.get(stage):
            path = room.marker_inputs(stage).as_posix()
            yield from_bytes(path, as_json(ingredients), f"what went into the stage {stage}")
    for name, text in _specs(run).items():
        yield from_bytes(f"specs/{name}", text.encode(), "template of a spec, as it was used")


def _specs(run: Run) -> dict[str, str]:
    """File name -> text of the spec templates that the run was made with."""
    inputs = {stage: table.get("inputs", {}) for stage, table in run.ingredients.items()}
    converted = inputs.get("convert-data", {})
    found = {conversion_template(split): converted.get(f"spec_{split}") for split in SPLITS}
    if path := spec_path(run):
        found[Path(path).name] = inputs.get("train", {}).get("spec")
    return {name: text for name, text in sorted(found.items()) if isinstance(text, str)}


def _against(content: Content, places: Sequence[str]) -> str:
    """Why a file stays out, in words; "" where it is no secret, and not too large for who reads crates."""
    if content.part.bytes > MAX_MEMBER_BYTES:
        return f"it has {content.part.bytes} bytes, and {MAX_MEMBER_BYTES} are read at most"
    source, path = content.source, content.part.path
    if isinstance(source, bytes):
        found, text = place_in(source, places), source.decode()
    else:
        found, text = _place_in_file(source, places), ""
        # Records are made to be handed on, and speak of devices of the kernel.
        if source.suffix in TEXTS and not path.startswith("results/"):
            text = source.read_text(errors="replace")
    if found:
        return f"it names {found}"
    is_clean = without_machine_paths(text, places) == text
    return "" if is_clean else "it names a folder of a machine, or has a secret in an address"


def _place_in_file(file: Path, places: Sequence[str]) -> str:
    if not file.stat().st_size:
        return ""
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return place_in(content, places)


def from_bytes(path: str, content: bytes, title: str = "") -> Content:
    """A file of the crate with that content."""
    sha256 = hashlib.sha256(content).hexdigest()
    part = Part(path=path, title=title or path, bytes=len(content), sha256=sha256)
    return Content(part=part, source=content)


def _from_file(path: str, file: Path, *, title: str = "", is_told: bool = True) -> Content:
    part = Part(path=path, title=title or path, bytes=file.stat().st_size, sha256=sha256_file(file))
    return Content(part=part, source=file, is_told=is_told)


def as_json(value: object) -> bytes:
    """JSON as all files of a crate have it: sorted keys, one newline at the end, no NaN."""
    return (json.dumps(value, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n").encode()
