"""What happened, in the metadata of a crate: programs, settings, and each stage as an action of a tool."""

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from harness.reproduce.source import Run
from harness.workspace.marker import Marker, Product

Entity = dict[str, Any]

WORKFLOW = "workflow.json"
RUN_TERMS = "https://w3id.org/ro/terms/workflow-run#"
KINDS = {bool: "Boolean", int: "Integer", float: "Float", str: "Text"}
COMPLETED = "http://schema.org/CompletedActionStatus"


def known(run: Run) -> list[str]:
    """Names of the facts that were recorded."""
    return [name for name, value in run.facts.items() if value is not None]


def settings(run: Run) -> Iterator[Entity]:
    """Each fact as a value, and as a parameter of the workflow."""
    for name in known(run):
        value = run.facts[name]
        yield {
            "@id": f"{WORKFLOW}#{name}",
            "@type": "FormalParameter",
            "name": name,
            "additionalType": KINDS.get(type(value), "Text"),
            "workExample": to(f"#value/{name}"),
        }
        yield {
            "@id": f"#value/{name}",
            "@type": "PropertyValue",
            "name": name,
            "value": str(value),
            "exampleOfWork": to(f"{WORKFLOW}#{name}"),
        }


def programs(run: Run) -> Iterator[Entity]:
    """The harness, and each engine and image that was used, once."""
    yield {
        "@id": "#harness",
        "@type": "SoftwareApplication",
        "name": "JamCam harness",
        "softwareVersion": run.facts["harness_version"],
        "url": to(WORKFLOW),
    }
    engines = [marker.engine for marker in run.markers.values() if marker.engine]
    for engine in dict.fromkeys((each.name, each.version) for each in engines):
        yield {
            "@id": engine_id(*engine),
            "@type": "SoftwareApplication",
            "name": f"yolo_v4 ({engine[0]})",
            "softwareVersion": engine[1],
            "url": to(WORKFLOW),
        }
    for image in dict.fromkeys(each.image_digest for each in engines if each.image_digest):
        named = next(each.image for each in engines if each.image_digest == image)
        yield {
            "@id": f"#image/{image}",
            "@type": "ContainerImage",
            "additionalType": to(f"{RUN_TERMS}SIFImage"),
            "name": named.rpartition("/")[2] or "image of the engine",
            "sha256": image,
        }


def stage_actions(run: Run, stage: str, title: str, inside: Mapping[str, str]) -> Iterator[Entity]:
    """The tool of a stage, its run, what that computed with, and the step that it was."""
    marker = run.markers[stage]
    yield {
        "@id": f"#tool/{stage}",
        "@type": "SoftwareSourceCode",
        "name": stage,
        "description": title,
        "version": marker.git_commit or marker.harness_version,
        "url": to(WORKFLOW),
    }
    numerics = [(name, str(value)) for each in marker.numerics for name, value in each.items()]
    values = {f"{action_id(marker)}/{quote(name)}/{quote(value)}": (name, value) for name, value in numerics}
    yield _run_of_tool(run, marker, title, inside, values)
    for identifier, (name, value) in values.items():
        yield {"@id": identifier, "@type": "PropertyValue", "name": name, "value": value}
    yield {
        "@id": f"#step/{stage}",
        "@type": "ControlAction",
        "name": f"step {stage}",
        "instrument": to(f"{WORKFLOW}#{stage}"),
        "object": to(action_id(marker)),
    }


def _run_of_tool(
    run: Run, marker: Marker, title: str, inside: Mapping[str, str], values: Iterable[str]
) -> Entity:
    engine = marker.engine
    instruments = [f"#tool/{marker.stage}"]
    consumed = [product for upstream in marker.consumed for product in run.markers[upstream].products]
    action: Entity = {
        "@id": action_id(marker),
        "@type": "CreateAction",
        "name": f"{marker.stage}: {title}",
        "description": "\n".join(map(shlex.join, marker.argv)) or "Done by the harness itself.",
        "startTime": moment(marker.started_utc),
        "endTime": moment(marker.finished_utc),
        "actionStatus": COMPLETED,
        "object": [*(to(product_id(each, inside)) for each in consumed), *map(to, values)],
        "result": [to(product_id(each, inside)) for each in marker.products],
    }
    if engine:
        instruments.append(engine_id(engine.name, engine.version))
        if engine.image_digest:
            action["containerImage"] = to(f"#image/{engine.image_digest}")
    return {**action, "instrument": [*map(to, instruments)]}


def whole_run(run: Run, inside: Mapping[str, str]) -> Iterator[Entity]:
    """The run of all stages, and the harness that organised it."""
    markers = [*run.markers.values()]
    started = moment(min(marker.started_utc for marker in markers))
    yield {
        "@id": "#run",
        "@type": "CreateAction",
        "name": "Run of the stages",
        "description": f"Its digest, of what was run and what came out, is {run.digest}.",
        "startTime": started,
        "endTime": moment(finished_utc(run)),
        "actionStatus": COMPLETED,
        "instrument": to(WORKFLOW),
        "object": [to(f"#value/{name}") for name in known(run)],
        "result": [to(product_id(each, inside)) for marker in markers for each in marker.products],
    }
    yield {
        "@id": "#organised",
        "@type": "OrganizeAction",
        "name": "Run of the harness",
        "startTime": started,
        "instrument": to("#harness"),
        "object": [to(f"#step/{stage}") for stage in run.markers],
        "result": to("#run"),
    }


def product_id(product: Product, inside: Mapping[str, str]) -> str:
    """Of a product: its path where it is in the crate, else a name for what is told of it."""
    return inside.get(product.path, f"#product/{quote(product.path)}")


def engine_id(name: str, version: str) -> str:
    """Of an engine."""
    return f"#engine/{quote(name)}/{quote(version)}"


def action_id(marker: Marker) -> str:
    """Of the run of one stage."""
    return f"#{marker.stage}/{marker.fingerprint[:12]}"


def moment(utc: str) -> str:
    """With the offset in numbers, as the profile asks for."""
    return utc.replace("Z", "+00:00")


def to(identifier: str) -> dict[str, str]:
    """A reference to an entity."""
    return {"@id": identifier}


def finished_utc(run: Run) -> str:
    """When the last stage was done; so a crate has no time of its own."""
    return max(marker.finished_utc for marker in run.markers.values())
