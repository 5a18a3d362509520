"""Markers: read, written last, and compared with what lies on the disk."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from harness.files import Digest, digest_path, read_json, remove, size_path, write_json
from harness.workspace.layout import Workspace
from harness.workspace.marker import SCHEMA_VERSION, EngineIdentity, Marker, Product


def write_marker(workspace: Workspace, marker: Marker, ingredients: Mapping[str, Any]) -> None:
    """Say that a stage is done; `ingredients` is what its fingerprint was made of."""
    write_json(workspace.marker_inputs(marker.stage), ingredients)
    table: dict[str, Any] = {"schema_version": SCHEMA_VERSION, **asdict(marker)}
    table["products"] = [{"path": product.path, **asdict(product.digest)} for product in marker.products]
    write_json(workspace.marker(marker.stage), table)


def read_marker(workspace: Workspace, stage: str) -> Marker | None:
    """The marker of `stage`, or None where there is none that this version understands."""
    table = read_json(workspace.marker(stage))
    if table.pop("schema_version", None) != SCHEMA_VERSION:
        return None
    try:
        products = tuple(
            Product(path=entry["path"], digest=Digest(**{key: entry[key] for key in ("bytes", "files", "sha256")}))
            for entry in table.pop("products")
        )
        engine = table.pop("engine")
        argv = tuple(tuple(line) for line in table.pop("argv"))
        return Marker(products=products, engine=EngineIdentity(**engine) if engine else None, argv=argv, **table)
    except (KeyError, TypeError):
        return None


def read_ingredients(workspace: Workspace, stage: str) -> dict[str, Any]:
    """What the fingerprint of the marker was made of; empty where that was not kept."""
    return read_json(workspace.marker_inputs(stage))


def forget(workspace: Workspace, stage: str) -> None:
    """Take the marker away: from now on the stage is not done."""
    remove(workspace.marker(stage))


def product_faults(workspace: Workspace, marker: Marker, *, deep: bool) -> list[str]:
    """What is wrong with the products a marker names, in words; empty when all are as they were."""
    faults = []
    for product in marker.products:
        promised, path = product.digest, workspace.path(product.path)
        size = size_path(path)
        if size is None:
            faults.append(f"{product.path} is gone")
        elif size != (promised.bytes, promised.files):
            faults.append(f"{product.path} had {_size(promised.bytes, promised.files)}, has now {_size(*size)}")
        elif deep and digest_path(path) != promised:
            faults.append(f"the contents of {product.path} changed")
    return faults


def _size(total_bytes: int, files: int) -> str:
    return f"{total_bytes} bytes in {files} file{'s' * (files != 1)}"
