"""Products of another run as the beginning of a reproduction: for ONLY, which starts from its weights."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import CannotTell
from harness.files import digest_path, link_or_copy, remove
from harness.reproduce.sameness import whole_digest
from harness.reproduce.source import Run
from harness.settings.variables import Settings
from harness.stages.workflow import KINDS, needed
from harness.workspace.layout import Workspace
from harness.workspace.marker import digest_of, read_marker, write_marker


def upstream_of(stages: Sequence[str]) -> list[str]:
    """The stages that come before these, and are none of them."""
    return [stage for stage in needed(stages) if stage not in stages]


def adopt(there: Run, own: Workspace, settings: Settings, stages: Sequence[str], *, exact: bool) -> None:
    """Put the products of these stages into `own`, each with a marker that holds for `settings`.

    Args:
        exact: the sources of then will look at the markers, so these stay as they are.

    Raises:
        CannotTell: a product is not at hand as its marker describes it.
    """
    for stage in stages:
        marker = there.markers[stage]
        before = read_marker(own, stage)
        if before and before.outcome == marker.outcome:
            continue
        for product in marker.products:
            _bring(there, product.path, product.digest.sha256, own)
        ingredients = there.ingredients[stage] if exact else KINDS[stage](settings).ingredients()
        write_marker(own, replace(marker, fingerprint=digest_of(ingredients)), ingredients)


def _bring(there: Run, name: str, sha256: str, own: Workspace) -> None:
    if there.folder is None or whole_digest(there.folder, name) != sha256:
        raise CannotTell(
            f"{name} of that run is not at hand as its marker describes it, and ONLY begins with it",
            remedy="leave ONLY out; or name its workspace, or a crate made WITH=weights,data",
        )
    source, target = there.folder / name, own.path(name)
    remove(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_link)
    else:
        link_or_copy(source, target)
    if digest_path(target).sha256 != sha256:
        raise CannotTell(f"{name} changed while it was taken", remedy="try again when nobody works there")


def _link(source: str, target: str) -> None:
    link_or_copy(Path(source), Path(target))
