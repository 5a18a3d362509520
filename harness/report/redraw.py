"""From the records in a folder to what people look at: plots and the README's section, comparisons, a gate."""

from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import ConfigError, Refused
from harness.files import sha256_file
from harness.measure import compare
from harness.measure.record import Record
from harness.measure.record_files import read_phases, read_records
from harness.report import page, pictures
from harness.settings.declared import SPECS, read_toml
from harness.text import listing
from harness.workspace.marker import digest_of
from probe.samples import SamplesError, read_samples

Say = Callable[[str], None]
CHECKOUT = SPECS.parent
README, RESULTS, DRAWING = CHECKOUT / "README.md", CHECKOUT / "results", Path(compare.__file__).parent
REFERENCES = "references.toml"


def redraw(results: Path, *, say: Say) -> None:
    """Draw every plot again and put the README's section right; where nothing is new, nothing is done.

    Raises:
        ConfigError: matplotlib or pandas is not installed, or the README has lost its markers.
    """
    if pictures.is_drawn(results, _source(results)):
        say(f"nothing new: the plots show what is in {results}")
        return
    try:  # they take a second to load, which is not needed to find out that nothing is new
        from harness.report.figures import figures
        from harness.report.style import render, style
    except ImportError as error:
        raise ConfigError(
            f"nothing can be drawn: {error}", remedy="make plots, which installs what is needed"
        ) from error
    records = load(results, say=say)
    drawn: dict[str, bytes] = {}
    with style():
        for name, figure in figures(records, partial(_samples, results, say), partial(_phases, results)):
            drawn |= {f"{name}.{kind}": content for kind, content in render(figure).items()}
            say(f"drawn: {results / pictures.PLOTS / name}.png and .svg")
    pictures.keep(results, drawn)
    if results == RESULTS:
        pictures.put_section(README, page.BEGIN, page.END, section(records))
    pictures.note(results, _source(results))


def section(records: tuple[Record, ...]) -> str:
    """The README's section as it should be."""
    titles = {path.stem: str(read_toml(path)["title"]) for path in (SPECS / "platforms").glob("*.toml")}
    return page.section(records, titles, pictures.names(RESULTS))


def load(results: Path, *, say: Say) -> tuple[Record, ...]:
    """Every record, and a word on each folder that holds none."""
    records, strangers = read_records(results)
    for stranger in strangers:
        say(f"passed over: {stranger}")
    return records


def compared(results: Path, ours: str, theirs: str, *, force: bool, say: Say) -> None:
    """Print how records `ours` compare with `theirs`, as `report.compare.choose` names them.

    Raises:
        Refused: conditions differ, or something disturbed a measurement; with `force` it is printed beside the result.
    """
    records = load(results, say=say)
    one, other = (compare.choose(records, words) for words in (ours, theirs))
    _obstacles(one, other, force=force, say=say)
    rows = compare.rows(one, other)
    say("\n".join([f"{ours} over {theirs}", *(row.words for row in rows)]) if rows else "they have nothing in common")


def gate(results: Path, platform: str, *, force: bool, say: Say) -> None:
    """Compare the newest bench of a platform with its reference, which references.toml names, else the first one.

    Raises:
        ConfigError: there is no bench newer than the reference.
        Refused: a median is worse, beyond chance and 5 %; or the two must not be compared.
    """
    records = [one for one in load(results, say=say) if (one.platform, one.source) == (platform, "measured")]
    benches = sorted({record.bench for record in records})
    stored = read_toml(results / REFERENCES).get(platform) if (results / REFERENCES).exists() else None
    reference = str(stored or (benches or [""])[0])
    if not benches or benches[-1] == reference:
        raise ConfigError(
            f"{platform} has {len(benches)} benches in {results}, none of them newer than its reference",
            remedy=f"make bench PLATFORM={platform}",
        )
    newest, before = compare.choose(records, benches[-1]), compare.choose(records, reference)
    _obstacles(newest, before, force=force, say=say)
    rows = compare.rows(newest, before)
    say("\n".join([f"bench {benches[-1]} over its reference {reference}", *(row.words for row in rows)]))
    worse = [row.words for row in rows if row.is_worse]
    if worse or not rows:
        found = f"worse by more than {compare.WORSE_PCT:.0f} %:{listing(worse)}" if worse else "nothing in common"
        accept = f'a line {platform} = "{benches[-1]}" in {results / REFERENCES}'
        raise Refused(f"{platform}: {found}", remedy=f"find out why; {accept} makes the new bench the reference")


def _obstacles(one: list[Record], other: list[Record], *, force: bool, say: Say) -> None:
    found = compare.obstacles(one, other)
    if found and not force:
        raise Refused(f"they must not be compared:{listing(found)}", remedy="FORCE=1 shows the figures beside this")
    if found:
        say(f"not comparable:{listing(found)}")


def _samples(results: Path, say: Say, record: Record) -> Mapping[str, NDArray[np.float64]]:
    try:
        return read_samples(results / record.platform / record.id)
    except SamplesError as error:
        say(f"passed over: {error.message} (try: {error.remedy})")
        return {}


def _phases(results: Path, record: Record) -> list[dict[str, Any]]:
    found, keys = read_phases(results / record.platform / record.id), {"run", "phase", "started_unix_s", "duration_s"}
    return [one for one in found if isinstance(one, dict) and keys <= {*one}]


def _source(results: Path) -> str:
    """Digest of all that decides what the plots and the section look like, and of the section that is there."""
    there = pictures.read_section(README, page.BEGIN, page.END) if results == RESULTS else ""
    code = {path.name: sha256_file(path) for path in sorted(DRAWING.glob("*.*"))}
    platforms = {path.name: sha256_file(path) for path in sorted((SPECS / "platforms").glob("*.toml"))}
    return digest_of([pictures.digest_of_records(results), there, code, platforms, version("matplotlib")])
