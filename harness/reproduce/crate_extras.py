"""What goes into a crate besides what markers name: the files of recipe and data set, records, plots."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import ConfigError
from harness.measure.plan import set_of
from harness.measure.record import Record
from harness.measure.record_archive import FILES
from harness.measure.record_files import read_records
from harness.reproduce.source import Run
from harness.settings.dataset import load_dataset
from harness.settings.declared import find_declared
from harness.settings.variables import Settings

KINDS = {"recipe": "recipes", "dataset": "datasets"}  # setting -> folder of specs
PLOTS = "plots"


@dataclass(frozen=True, kw_only=True, slots=True)
class Extras:
    """Path in the crate -> file; licence of the data, in words; and what could not be found, a line each."""

    files: Mapping[str, Path] = field(default_factory=dict)
    licence: str = ""
    missing: tuple[str, ...] = ()


def extras(run: Run, settings: Settings, *, with_archive: bool) -> Extras:
    """What there is for the run of a workspace, as far as it can be found by its names."""
    recorded = {name: _recorded(run, name) for name in KINDS}
    found = {name: _declared(name, recorded[name], settings) for name in KINDS}
    files = {f"specs/{KINDS[name]}/{path.name}": path for name, path in found.items() if path}
    missing = [
        f"the file of the {name} {recorded[name] or '(not recorded)'}, which is not in specs/{KINDS[name]}: "
        f"give {name.upper()}=PATH"
        for name, path in found.items()
        if path is None
    ]
    dataset = load_dataset(str(found["dataset"])) if found["dataset"] else None
    archive = settings.workspace / "data" / dataset.archive if dataset else None
    if with_archive and archive and archive.is_file():
        files[f"data/{archive.name}"] = archive
    elif with_archive:
        missing.append("the archive of the data, which is not in the workspace; its frames are")
    told = run.ingredients.get("export", {}).get("inputs", {}).get("licence")
    licence = told if isinstance(told, str) else dataset.licence if dataset else ""
    records = _records(settings.results, settings.platform.name, recorded["recipe"])
    files |= _files_of(settings.results, records, recorded["recipe"])
    return Extras(files=files, licence=licence, missing=tuple(missing))


def _recorded(run: Run, name: str) -> str:
    """The name of recipe or data set, as the newest marker has it; "" where none has one."""
    told = [marker.made_with.get(name, "") for marker in run.markers.values()]
    return next((text for text in reversed(told) if text), "")


def _declared(name: str, recorded: str, settings: Settings) -> Path | None:
    """The file that settings give, or that is in specs, of that name or where none was recorded."""
    for given in filter(None, (settings.overrides.get(name), recorded)):
        with contextlib.suppress(ConfigError):
            path = find_declared(KINDS[name], given)
            if recorded in ("", path.stem):
                return path
    return None


def _records(results: Path, platform: str, recipe: str) -> list[Record]:
    """Those of the newest bench that measured the recipe on the platform."""
    fitting = [
        one
        for one in read_records(results)[0]
        if (one.platform, one.source, one.conditions.get("recipe")) == (platform, "measured", recipe)
    ]
    newest = max((set_of(one.bench) for one in fitting), default="")
    return [one for one in fitting if set_of(one.bench) == newest]


def _files_of(results: Path, records: Sequence[Record], recipe: str) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for record in records:
        folder = results / record.platform / record.id
        files |= {f"{record.platform}/{record.id}/{name}": folder / name for name in FILES}
    for pattern in (f"*-{recipe}.*", f"timeline-{records[0].platform}.*") if records else ():
        files |= {f"{PLOTS}/{path.name}": path for path in (results / PLOTS).glob(pattern)}
    return {
        f"results/{name}": path for name, path in files.items() if path.is_file() and not path.is_symlink()
    }
