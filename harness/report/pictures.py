"""Files that reports are written to: `results/plots/` with a note of its source, and a section of a page."""

import json
from collections.abc import Mapping
from pathlib import Path

from harness.errors import ConfigError
from harness.files import digest_path, remove, sha256_file, write_bytes, write_json, write_text
from harness.workspace.marker import digest_of

PLOTS, NOTE = "plots", "drawn.json"


def digest_of_records(results: Path) -> str:
    """Digest of every file in `results` but the pictures."""
    entries = sorted(results.iterdir()) if results.is_dir() else []
    return digest_of({entry.name: digest_path(entry).sha256 for entry in entries if entry.name != PLOTS})


def is_drawn(results: Path, source: str) -> bool:
    """Whether the pictures are those that were drawn from what `source` is the digest of."""
    try:
        note = json.loads((results / PLOTS / NOTE).read_text())
        drawn = {name: sha256_file(results / PLOTS / name) for name in note["pictures"]}
    except (OSError, ValueError, KeyError, TypeError):  # none yet, or a foreign file: draw
        return False
    return bool(note.get("source") == source and drawn == note["pictures"])


def keep(results: Path, pictures: Mapping[str, bytes]) -> None:
    """Write the pictures, and remove older ones that were not drawn again."""
    folder = results / PLOTS
    for name, content in pictures.items():
        write_bytes(folder / name, content)
    for path in folder.glob("*.*"):
        if path.suffix in (".png", ".svg") and path.name not in pictures:
            remove(path)


def note(results: Path, source: str) -> None:
    """Write down what the pictures in the folder were drawn from; comes last."""
    paths = [path for path in sorted((results / PLOTS).glob("*.*")) if path.name != NOTE]
    digests = {path.name: sha256_file(path) for path in paths}
    write_json(results / PLOTS / NOTE, {"source": source, "pictures": digests})


def names(results: Path) -> list[str]:
    """Names of the pictures, without ending."""
    return sorted(path.stem for path in (results / PLOTS).glob("*.png"))


def read_section(page: Path, begin: str, end: str) -> str:
    """The text of the page from `begin` to `end`, both included.

    Raises:
        ConfigError: the page has no such markers.
    """
    text = page.read_text(encoding="utf-8")
    if text.count(begin) != 1 or end not in text.partition(begin)[2]:
        raise ConfigError(
            f"{page} has no lines {begin} and {end}",
            remedy="put them back where the section belongs",
        )
    return begin + text.partition(begin)[2].partition(end)[0] + end


def put_section(page: Path, begin: str, end: str, section: str) -> None:
    """Replace the section of the page by `section`, which holds its markers."""
    before = read_section(page, begin, end)
    if before != section:
        write_text(page, page.read_text(encoding="utf-8").replace(before, section))
