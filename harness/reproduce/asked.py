"""From a run that was recorded to the options of `jamcam` that do it again.

Of a workspace or crate everything stands in the ingredients of its fingerprints: recipe, data set and specs
are written from these into the folder of the reproduction. A record names its recipe, and its conditions.
What is read may come from a stranger: numbers and names are checked by the readers of recipes and data sets,
and a spec may name no path outside of the workspace.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.engine.spec_text import tokens
from harness.errors import CannotTell, DataError
from harness.files import sha256_file, write_text
from harness.reproduce.sameness import whole_digest
from harness.reproduce.source import Run, spec_path
from harness.settings.dataset import load_dataset
from harness.settings.declared import declared_names, find_declared, read_toml
from harness.settings.numbers import EARLIER
from harness.settings.recipe import BEST, CHECKPOINTS, LAST, UNSAID
from harness.settings.variables import option
from harness.stages.workflow import needed
from harness.workspace.layout import Workspace
from harness.workspace.marker import digest_of
from harness.workspace.spec_copies import SPLITS, conversion_template

PLAIN_NAME = re.compile(r"[A-Za-z0-9][\w-]{0,63}")
CONDITIONS = ("epochs", "batch", "seed", "val_split_pct", "limit", "gpus", "nodes")
OPTIONS = {"val_split_pct": "val_split"}  # where an option has another name than the condition


def options_of(
    run: Run, own: Workspace, folder: Path, *, archive_needed: bool, as_then: bool = False
) -> dict[str, str]:
    """Options, by the name of the setting, that do `run` again in the workspace `own`.

    Args:
        folder: where files for these options are written.
        archive_needed: whether the archive of the data will be read.
        as_then: for the version that ran then, which may know other keys.

    Raises:
        CannotTell: what went into the run was not recorded, or its data are not at hand.
        DataError: what was recorded cannot be right.
    """
    if run.kind == "record":
        return _options_of_record(run, folder, as_then=as_then)
    inputs = _inputs(run)
    try:
        _lay_out_specs(run, inputs, own)
        recipe = _recipe(run, inputs, as_then=as_then)
        dataset = _dataset(run, inputs, archive_needed=archive_needed)
        counts = {"gpus": str(inputs["train"]["gpus"]), "nodes": str(inputs["train"].get("nodes", 1))}
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"what went into that run cannot be understood: {type(error).__name__} {error}",
            remedy="do it again there with this version, or name another run",
        ) from error
    names = {"recipe": run.facts["recipe"], "dataset": _made_with(run, "dataset")}
    options = {}
    for kind, table in (("recipe", recipe), ("dataset", dataset)):
        path = folder / kind / f"{_plain(names[kind])}.toml"
        write_text(path, _toml(table))
        options[kind] = str(path)
    return {**options, **counts}


def _options_of_record(run: Run, folder: Path, *, as_then: bool) -> dict[str, str]:
    recipe = str(run.facts["recipe"])
    if _plain(recipe) != recipe:
        raise DataError("the record names no recipe", remedy="name another record")
    told = {name: run.facts[name] for name in CONDITIONS if run.facts[name] is not None}
    options = {
        OPTIONS.get(name, name): str(value) for name, value in told.items() if type(value) in (int, float)
    }
    if run.facts["numbers"] and (run.has_numbers or not as_then):
        options["numbers"] = str(run.facts["numbers"])
    if run.facts["checkpoint"] != LAST or not as_then:  # earlier versions knew the last one alone
        options["checkpoint"] = str(run.facts["checkpoint"])
    return {"recipe": recipe if as_then else _with_its_anchors(run, recipe, folder), **options}


def _with_its_anchors(run: Run, recipe: str, folder: Path) -> str:
    """The recipe of that name, as a file where it has come to divide its anchors in another way since."""
    path = find_declared("recipes", recipe)
    table, anchors = read_toml(path), run.facts["anchors"]
    if table.get("anchors", UNSAID["anchors"]) == anchors:
        return recipe
    own = folder / "recipe" / path.name
    write_text(own, _toml({**table, "anchors": anchors}))
    return str(own)


def only_frames_at_hand(run: Run) -> bool:
    """Whether the archive of the data is not to be had, but what was made of it lies there as it was."""
    identity = _of(run, "download").get("archive")
    if run.folder is None or identity is None or _known_archive(run, identity):
        return False
    root, products = run.folder, run.markers["download"].products
    return all(whole_digest(root, each.path) == each.digest.sha256 for each in products)


def _inputs(run: Run) -> dict[str, Mapping[str, Any]]:
    """What went into each stage up to training, by the fingerprints' ingredients."""
    every = needed(["train"])
    for stage in every:
        if stage not in run.markers:
            raise CannotTell(
                f"{stage} was not finished there, and without it nothing of the network can be compared",
                remedy="finish it there with `jamcam all`",
            )
        if not run.ingredients.get(stage):
            raise CannotTell(
                f"what went into {stage} is not known: its file of inputs is missing, "
                "or is not the one that the marker was made with",
                remedy="do it again there, or name another run",
            )
    for stage in run.markers:
        _require_chain(run, stage)
    tables = {stage: _of(run, stage) for stage in every}
    seeds = {str(tables[stage].get("seed")) for stage in ("gen-valid", "train")}
    if len(seeds) > 1:
        raise CannotTell(
            f"its stages were made with different seeds, {' and '.join(sorted(seeds))}",
            remedy="finish it there with one, by `jamcam all`",
        )
    if run.facts["checkpoint"] not in (None, *CHECKPOINTS):
        raise CannotTell(
            f"its stages took different checkpoints: {run.facts['checkpoint']}",
            remedy="finish it there with one CHECKPOINT, by `jamcam all`",
        )
    return tables


def _require_chain(run: Run, stage: str) -> None:
    for before, outcome in run.markers[stage].consumed.items():
        marker = run.markers.get(before)
        if marker and marker.outcome != outcome:
            raise CannotTell(
                f"{stage} was made from other products of {before} than those that are there now",
                remedy="finish it there with `jamcam all`, then reproduce",
            )


def _lay_out_specs(run: Run, inputs: Mapping[str, Mapping[str, Any]], own: Workspace) -> None:
    texts = {conversion_template(split): inputs["convert-data"][f"spec_{split}"] for split in SPLITS}
    for name, text in {**texts, _spec_name(run): inputs["train"]["spec"]}.items():
        _require_confined(text, name)
        write_text(own.specs / name, text)


def _spec_name(run: Run) -> str:
    if not (path := spec_path(run)):
        raise DataError("the marker of train names no spec as used", remedy="name another run")
    return Path(path).name


def _require_confined(text: str, name: str) -> None:
    for token in tokens(text):
        value = token.text.strip("\"'")
        leads_out = value[:1] in ("/", "~") or ".." in value.split("/") or "\\" in value
        if token.text[0] in "\"'" and leads_out:
            raise DataError(
                f"the spec {name} of that run names the path {value!r}, outside of its workspace",
                remedy="look at it, and reproduce by hand with an edited copy if you trust it",
            )


def _recipe(run: Run, inputs: Mapping[str, Mapping[str, Any]], *, as_then: bool) -> dict[str, Any]:
    train, vis, export = inputs["train"], _of(run, "vis"), _of(run, "export")
    table = {
        "title": "a run that is reproduced",
        "dataset": "given",
        "spec": _spec_name(run),
        **{name: int(train[name]) for name in ("epochs", "batch", "checkpoint_interval", "seed")},
        **_numbers(run, train, as_then=as_then),
        "anchors": inputs["tune-bdb"].get("divided"),
        "val_split_pct": inputs["gen-valid"]["val_split_pct"],
        "limit": inputs["download"]["limit"],
        "vis_frames": vis.get("frames"),
        "vis_threshold": vis.get("threshold"),
        "precision": export.get("precision"),
        "checkpoint": BEST if run.facts["checkpoint"] == BEST else None,  # without the key it is the last
        **_pretrained(run, train),
    }
    return {name: value for name, value in table.items() if value is not None}


def _numbers(run: Run, train: Mapping[str, Any], *, as_then: bool) -> dict[str, Any]:
    """The number format that was used, so that nothing is measured anew."""
    if as_then and EARLIER in train:
        return {EARLIER: train[EARLIER]}
    if run.facts["numbers"] is None:
        raise LookupError("numbers")
    return {"numbers": run.facts["numbers"]}


def _pretrained(run: Run, train: Mapping[str, Any]) -> dict[str, str]:
    """The weights that training started from, as they lie in the other workspace."""
    product = train.get("pretrained")
    if not product:
        return {}
    path = run.folder / product if run.folder else None
    wanted = {each.path: each.digest.sha256 for each in run.markers["download"].products}.get(product)
    if path is None or not path.is_file() or sha256_file(path) != wanted:
        raise CannotTell(
            f"training started from {Path(product).name} (sha256 {wanted}), which is not at hand",
            remedy="put it back into that workspace, or name a crate made WITH=weights",
        )
    return {"pretrained": str(path), "pretrained_sha256": str(wanted)}


def _dataset(run: Run, inputs: Mapping[str, Mapping[str, Any]], *, archive_needed: bool) -> dict[str, Any]:
    download, verify = inputs["download"], inputs["verify"]
    rule = {
        name: value
        for name, value in download["split"].items()
        if name != "groups" and (value or name == "seed")
    }
    return {
        "title": "the data of a run that is reproduced",
        **{name: verify[name] for name in ("classes", "width_px", "height_px")},
        "unpaired": download["unpaired"],
        "skip_damaged": download.get("skip_damaged", 0),
        "licence": _of(run, "export").get("licence", ""),
        **_archive(run, download["archive"], is_needed=archive_needed),
        "split": rule,
    }


def _archive(run: Run, identity: Any, *, is_needed: bool) -> dict[str, Any]:
    if known := _known_archive(run, identity):
        return known
    what = f"sha256 {identity}" if isinstance(identity, str) else f"{identity[0]} bytes"
    if not is_needed:  # the frames are taken over; the address says which ones, and is never asked
        sha256 = identity if isinstance(identity, str) else digest_of(identity)
        return {"archive": "archive.zip", "address": "file:/nowhere/archive.zip", "sha256": sha256}
    others = sorted((run.folder / "data").glob("*.zip")) if run.folder else []
    changed = f"; {others[0].name} there is another one" if others else ""
    raise CannotTell(
        f"the archive of its data ({what}) is not at hand{changed}",
        remedy="put a copy of it into data/ of that workspace, or name a crate made WITH=data, "
        "which has the frames",
    )


def _known_archive(run: Run, identity: Any) -> dict[str, Any]:
    """Where the archive comes from: it is made, lies in the other workspace, or has a known address."""
    if isinstance(identity, Mapping):
        return {"archive": "made.zip", "make": dict(identity)}
    for path in sorted((run.folder / "data").glob("*.zip")) if run.folder else ():
        # A local archive without a sha256 is known by its size and its time of change, which copies lose.
        is_alike = isinstance(identity, list) and path.stat().st_size == identity[0]
        sha256 = sha256_file(path)
        if is_alike or sha256 == identity:
            return {"archive": path.name, "address": path.as_uri(), "sha256": sha256}
    for name in declared_names("datasets"):
        dataset = load_dataset(name)
        if dataset.sha256 and dataset.sha256 == identity:
            return {"archive": dataset.archive, "address": dataset.address, "sha256": dataset.sha256}
    return {}


def _of(run: Run, stage: str) -> Mapping[str, Any]:
    """What went into a stage that may not have been done."""
    inputs = run.ingredients.get(stage, {}).get("inputs", {})
    return inputs if isinstance(inputs, Mapping) else {}


def _made_with(run: Run, name: str) -> Any:
    return next((marker.made_with[name] for marker in run.markers.values() if name in marker.made_with), None)


def _plain(name: Any) -> str:
    """A name that others wrote as one of a file."""
    return name if isinstance(name, str) and PLAIN_NAME.fullmatch(name) else "recorded"


def _toml(table: Mapping[str, Any]) -> str:
    """TOML of texts, numbers, switches, lists of texts, and tables of these."""
    plain = [f"{name} = {_value(value)}" for name, value in table.items() if not isinstance(value, Mapping)]
    tables = [
        f"\n[{name}]\n" + "\n".join(f"{key} = {_value(value)}" for key, value in part.items())
        for name, part in table.items()
        if isinstance(part, Mapping)
    ]
    return "\n".join([*plain, *tables]) + "\n"


def _value(value: Any) -> str:
    # JSON's texts, numbers, switches and lists are TOML's, but for one control character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def words_of(options: Mapping[str, str]) -> list[str]:
    """The options as they are typed."""
    return [f"{option(name)}={value}" for name, value in options.items()]
