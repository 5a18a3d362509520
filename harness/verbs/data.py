"""The verb new-dataset: looks at an archive or folder, and writes what a training on it needs."""

import argparse
import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import ConfigError
from harness.files import sha256_file, write_text
from harness.settings.dataset import Dataset, load_dataset
from harness.settings.recipe import Recipe, load_recipe
from harness.settings.variables import Settings
from harness.text import tell
from harness.verbs.verb import Option, Verb
from harness.workspace.layout import Workspace
from harness.workspace.spec_copies import SpecCopies

if TYPE_CHECKING:  # what looks at pictures costs 60 ms
    from harness.data.look import Look

TITLE = "bringing data"
FROM = Option(
    name="from",
    help="the archive (.zip) or folder that `new-dataset` looks at; "
    "the workspace, crate or record that `reproduce` runs again",
)
RECIPE = "photographs"  # unless another is asked for: the one that is meant for pictures of one's own
LEAST_FOLDERS = 5  # from which on whole folders can be held out
TEST_PCT = 20


def _new_dataset(settings: Settings, options: argparse.Namespace) -> int:
    given = getattr(options, "from")
    if not given:
        raise ConfigError(
            "no archive or folder was given",
            remedy="make new-dataset FROM=export.zip"
            if settings.via_make
            else "jamcam new-dataset export.zip",
        )
    path = Path(given).expanduser().absolute()
    recipe = settings.recipe if settings.origins["recipe"] != "built-in" else load_recipe(RECIPE)
    folder = _folder(settings, path)
    declared, spec = folder / f"{folder.name}.toml", Workspace(folder).specs / recipe.spec
    is_chosen = settings.origins["workspace"] != "built-in"
    for there in (declared, spec, *(() if is_chosen else (folder,))):
        if there.exists():
            raise ConfigError(
                f"{there} is there already, and nothing of yours is written over",
                remedy="remove it, or choose another folder by WORKSPACE",
            )
    _make(path, declared, recipe)
    shown = Path(declared.parent.name) if declared.parent.parent == Path.cwd() else declared.parent
    told = {"recipe": recipe.name, "dataset": str(shown / declared.name), "workspace": str(shown)}
    if settings.origins["recipe"] != "built-in" and "recipe" in settings.cli_options:
        told["recipe"] = settings.cli_options["recipe"]
    make = settings.via_make
    words = [f"{name.upper()}={text}" if make else f"--{name}={text}" for name, text in told.items()]
    tell(f"next: {shlex.join(['make' if make else 'jamcam', 'all', *words])}")
    return 0


def _make(path: Path, declared: Path, recipe: Recipe) -> None:
    from harness.data.look import look_at, recognise, told
    from harness.data.pack import pack
    from harness.data.source import open_source
    from harness.engine.new_spec import input_size, spec_for

    with open_source(path) as source:
        look = look_at(source, recognise(source), say=tell)
        tell(told(look))
        declared.parent.mkdir(parents=True, exist_ok=True)
        archive = path
        if path.is_dir() or not look.found.layout.startswith("YOLO 1.1"):
            archive = declared.with_suffix(".zip")
            pack(source, look.found, archive, say=tell)
            tell(f"packed as {archive}")
    write_text(declared, declaration(look, path, archive, declared.parent))
    tell(f"wrote {declared}")
    dataset = load_dataset(str(declared))
    workspace = Workspace(declared.parent)
    template = SpecCopies(workspace).template(recipe.spec)
    size = input_size(*look.sizes.most_common(1)[0][0])
    spec = spec_for(template, classes=dataset.written_classes, size=size, where=recipe.spec)
    write_text(workspace.specs / recipe.spec, spec)
    tell(f"wrote {workspace.specs / recipe.spec}: {len(dataset.classes)} classes, input {size[0]}x{size[1]}")
    _tell_names(dataset)


def declaration(look: "Look", path: Path, archive: Path, folder: Path) -> str:
    """The text of the data set's file."""
    name = re.sub(r"[\s/\\\"']+", "_", archive.name)
    beside = archive.parent == folder
    lines = [
        f"# Written by new-dataset from {path.name!r} ({look.found.layout}); yours to edit.",
        f"title = {_quoted(path.name)}",
        'licence = ""  # whose pictures they are, and what may be done with them',
        f"address = {_quoted(f'file:{archive.name}' if beside else archive.as_uri())}",
        f"sha256 = {_quoted(sha256_file(archive))}",
        f"archive = {_quoted(name)}",
        f"classes = [{', '.join(map(_quoted, look.found.classes))}]",
    ]
    if len(look.sizes) == 1:
        ((width, height),) = look.sizes
        lines += [f"width_px = {width}", f"height_px = {height}"]
    if archive == path and look.found.oddities:
        lines.append('unpaired = "skip"')
    if look.damaged:
        lines.append(f"skip_damaged = {len(look.damaged)}")
    return "\n".join([*lines, "", "[split]", "seed = 42", *split_lines(look), ""])


def split_lines(look: "Look") -> list[str]:
    """The rule for this data set: the annotator's own subsets, else whole folders, else frames."""
    test, val = (
        next((name for name in sorted(look.pictures) if name.lower().startswith(kind)), "")
        for kind in ("test", "val")
    )
    rest = [name for name in look.pictures if name not in (test, val) and look.boxes[name]]
    if rest and test:
        lines = [f"test_subsets = [{_quoted(test)}]  # the annotator's own"]
        return [*lines, f"val_subsets = [{_quoted(val)}]"] if val else lines
    if rest and val:
        return [
            f"test_subsets = [{_quoted(val)}]  # the annotator's own; validation is drawn from the others"
        ]
    lines = [f"test_pct = {TEST_PCT}"]
    if len({picture.folder for picture in look.found.pictures}) >= LEAST_FOLDERS:
        return [*lines, 'group = "folder"  # whole folders go to one side, so that neighbours stay together']
    return [
        *lines,
        "# Frames of one video a second apart look alike: folders and group keep them on one side.",
    ]


def _tell_names(dataset: Dataset) -> None:
    for own, written in zip(dataset.classes, dataset.written_classes, strict=True):
        if own != written:
            tell(f"note: class {own!r} is written {written} in labels and specs")


def _folder(settings: Settings, path: Path) -> Path:
    if settings.origins["workspace"] != "built-in":
        return settings.workspace
    name = path.name if path.is_dir() else path.stem
    plain = re.sub(r"[^\w.-]+|^[.-]+", "_", name, flags=re.ASCII).strip("_") or "dataset"
    folder = Path.cwd() / plain
    return folder if folder != path else folder.with_name(f"{plain}-dataset")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


VERBS = (
    Verb(
        name="new-dataset",
        help="look at an archive or folder of pictures and labels, and write what a training needs",
        run=_new_dataset,
        settings=("recipe", "workspace"),
        options=(FROM,),
        positionals=(FROM,),
    ),
)
