"""The plan of a bench, and the workspace it works in."""

import shutil
from pathlib import Path

from harness.errors import ConfigError
from harness.files import link_or_copy
from harness.measure.plan import Bench
from harness.settings.declared import SPECS, read_toml
from harness.settings.table import from_table
from harness.workspace.layout import Workspace

PLAN = SPECS / "bench.toml"
IMAGE_DIGEST = ".markers/image-digest"


def load_plan(recipe: str) -> Bench:
    """What `specs/bench.toml` plans for a recipe.

    Raises:
        ConfigError: it says something that such a plan does not say.
    """
    table = read_toml(PLAN)
    own = table.pop("recipes", {}).get(recipe, {})
    plan = from_table(Bench, {**table, **own}, where=str(PLAN))
    for name in ("repeats", "train_steps"):
        if getattr(plan, name) < 1:
            raise ConfigError(f"{PLAN}: {name} is {getattr(plan, name)}, expected 1 or more", remedy="correct the line")
    if any(batch < 1 for batch in plan.batches):
        raise ConfigError(f"{PLAN}: batches are {plan.batches}, expected 1 or more", remedy="correct the line")
    return plan


def bench_folder(workspace: Workspace, bench: str) -> Path:
    """Where a bench works: below the workspace, so that links hold, and away from its products."""
    return workspace.root / ".bench" / bench


def lay_out(user: Workspace, own: Workspace, archive: str) -> None:
    """Give a bench what was fetched and edited by hand, as links (copies where a person may edit)."""
    own.root.mkdir(parents=True, exist_ok=True)
    found = [user.data / archive, *(user.pretrained.iterdir() if user.pretrained.is_dir() else ())]
    for path in (*found, user.root / IMAGE_DIGEST):
        if path.is_file():
            link_or_copy(path, own.root / path.relative_to(user.root))
    if user.specs.is_dir():
        shutil.copytree(user.specs, own.specs)
