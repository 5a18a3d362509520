"""The metadata of a crate: an RO-Crate 1.1 by the profile Provenance Run Crate 0.5, as plain JSON-LD.

    https://w3id.org/ro/wfrun/provenance/0.5

Each stage is an action of a tool; a step of the workflow says which action it controlled, and the harness is
the engine that organised them. Products that are not in the crate are described by digest. Nothing here knows
who ran it: agents, which the profile recommends, are left out on purpose.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from harness.reproduce.crate_actions import (
    RUN_TERMS,
    WORKFLOW,
    Entity,
    action_id,
    finished_utc,
    known,
    product_id,
    programs,
    settings,
    stage_actions,
    to,
    whole_run,
)
from harness.reproduce.source import Run
from harness.workspace.marker import STAGES

METADATA, PREVIEW = "ro-crate-metadata.json", "ro-crate-preview.html"
README, PACKAGES = "README.md", "packages.txt"
RO_CRATE = "https://w3id.org/ro/crate/1.1"
WORKFLOW_CRATE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/provenance/0.5": ("Provenance Run Crate", "0.5"),
    WORKFLOW_CRATE: ("Workflow RO-Crate", "1.0"),
}
# Terms that RO-Crate 1.1 lacks are spelled out, so that nobody needs a network to read them.
CONTEXT = [
    f"{RO_CRATE}/context",
    {
        **{term: f"{RUN_TERMS}{term}" for term in ("sha256", "containerImage", "ContainerImage")},
        "buildInstructions": "https://codemeta.github.io/terms/buildInstructions",
    },
]
REQUIREMENTS = "https://pip.pypa.io/en/stable/reference/requirements-file-format/"
BIOSCHEMAS = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
FORMATS = {
    **{"json": "application/json", "jsonl": "application/jsonl", "txt": "text/plain", "csv": "text/csv"},
    **{"toml": "application/toml", "md": "text/markdown", "gz": "application/gzip", "zip": "application/zip"},
    **{"png": "image/png", "svg": "image/svg+xml", "onnx": "application/octet-stream"},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A file of the crate as its metadata tell of it."""

    path: str
    title: str
    bytes: int
    sha256: str

    @property
    def identifier(self) -> str:
        """Its path as a reference of URIs has it."""
        return quote(self.path)


def graph(
    run: Run, parts: Sequence[Part], *, titles: Mapping[str, str], inside: Mapping[str, str], licence: str
) -> dict[str, Any]:
    """The content of ro-crate-metadata.json.

    Args:
        parts: the files, without the metadata themselves; those in folders of `inside` may be missing.
        titles: what each stage does, in words.
        inside: product that is in the crate -> its identifier here, which ends with a slash for folders.
        licence: of the data, in words; "" where none was stated.
    """
    entities = [
        *_about_the_crate(run, parts, inside, licence),
        *_workflow(run, parts, titles),
        *settings(run),
        *programs(run),
        *(action for stage in run.markers for action in stage_actions(run, stage, titles[stage], inside)),
        *whole_run(run, inside),
        *map(_file, (part for part in parts if part.path != WORKFLOW)),
        *_products(run, inside),
    ]
    return {"@context": CONTEXT, "@graph": [*map(_with_single_values, entities)]}


def _with_single_values(entity: Entity) -> Entity:
    """The entity without lists of one value, as RO-Crate recommends."""
    return {
        name: value[0] if isinstance(value, list) and len(value) == 1 else value
        for name, value in entity.items()
    }


def _about_the_crate(
    run: Run, parts: Sequence[Part], inside: Mapping[str, str], licence: str
) -> Iterator[Entity]:
    yield {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": to("./"),
        "conformsTo": [to(RO_CRATE), to(WORKFLOW_CRATE)],
    }
    folders = [name for name in inside.values() if name.endswith("/")]
    recipe, data = run.facts["recipe"], next(iter(run.markers.values())).made_with.get("dataset")
    yield {
        "@id": "./",
        "@type": "Dataset",
        "name": f"JamCam run{f' of the recipe {recipe}' if recipe else ''}{f' on {data}' if data else ''}",
        "description": f"What was run, with what, and what came out, of the stages {', '.join(run.markers)}: "
        f"`jamcam reproduce FILE` does it again and compares. The run is {run.digest}.",
        "datePublished": finished_utc(run)[:10],
        "license": to("#licence"),
        "conformsTo": [*map(to, PROFILES)],
        "mainEntity": to(WORKFLOW),
        "hasPart": [*map(to, [*(part.identifier for part in parts), *folders])],
        "mentions": [to("#run"), *(to(action_id(run.markers[stage])) for stage in run.markers)],
    }
    for address, (name, version) in PROFILES.items():
        yield {"@id": address, "@type": "CreativeWork", "name": name, "version": version}
    words = licence or "No licence of the data was stated"
    yield {"@id": "#licence", "@type": "CreativeWork", "name": words, "description": "Licence of the data."}


def _workflow(run: Run, parts: Sequence[Part], titles: Mapping[str, str]) -> Iterator[Entity]:
    part = next(part for part in parts if part.path == WORKFLOW)
    packages = {"buildInstructions": to(PACKAGES)} if run.packages else {}
    yield {
        **_file(part),
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
        "version": run.facts["commit"] or run.facts["harness_version"],
        "url": to(WORKFLOW),
        "conformsTo": to(BIOSCHEMAS),
        "programmingLanguage": to("#language"),
        "hasPart": [to(f"#tool/{stage}") for stage in run.markers],
        "step": [to(f"{WORKFLOW}#{stage}") for stage in run.markers],
        "input": [to(f"{WORKFLOW}#{name}") for name in known(run)],
        **packages,
    }
    yield {"@id": BIOSCHEMAS, "@type": "CreativeWork", "name": "Bioschemas ComputationalWorkflow"}
    yield {
        "@id": "#language",
        "@type": "ComputerLanguage",
        "name": "Stages of the JamCam harness",
        "version": run.facts["harness_version"],
    }
    if packages:
        yield {"@id": REQUIREMENTS, "@type": "WebSite", "name": "Requirements File Format"}
    for stage in run.markers:
        yield {
            "@id": f"{WORKFLOW}#{stage}",
            "@type": "HowToStep",
            "position": str(STAGES.index(stage)),
            "name": stage,
            "description": titles[stage],
            "workExample": to(f"#tool/{stage}"),
        }


def _file(part: Part) -> Entity:
    told: Entity = {
        "@id": part.identifier,
        "@type": "File",
        "name": part.title,
        "contentSize": str(part.bytes),
        "sha256": part.sha256,
        "encodingFormat": FORMATS.get(part.path.rpartition(".")[2], "application/octet-stream"),
    }
    more = {PACKAGES: {"conformsTo": to(REQUIREMENTS)}, README: {"about": to("./")}}
    return {**told, **more.get(part.path, {})}


def _products(run: Run, inside: Mapping[str, str]) -> Iterator[Entity]:
    """Products that are folders or not in the crate; files that are in it tell of themselves."""
    for product in (each for marker in run.markers.values() for each in marker.products):
        own, digest = product_id(product, inside), product.digest
        is_here = product.path in inside
        if is_here and not own.endswith("/"):
            continue
        yield {
            "@id": own,
            "@type": "Dataset" if is_here else "CreativeWork",
            "name": product.path,
            "contentSize": str(digest.bytes),
            "sha256": digest.sha256,
            "description": f"{digest.files} file{'s' * (digest.files != 1)}, {digest.bytes} bytes. "
            "The sha256 of a folder is that of its sorted lines `<sha256 of file>  <path>`."
            + ("" if is_here else " Not in this crate."),
        }
