"""The verb `records`: records as one file, to be sent to somebody, and those that were sent in."""

import argparse
from pathlib import Path

from harness.errors import ConfigError
from harness.settings.variables import Settings
from harness.text import tell
from harness.verbs.measure import draw
from harness.verbs.verb import Option, Verb

TITLE = "sending records"
ACTIONS = {"pack": "jamcam records pack --platform=NAME", "add": "jamcam records add FILE"}


def _records(settings: Settings, options: argparse.Namespace) -> int:
    if options.action not in ACTIONS:
        raise ConfigError(
            f"records does not know '{options.action}', it does {' and '.join(ACTIONS)}",
            remedy=" or ".join(ACTIONS.values()),
        )
    return _pack(settings, options.file) if options.action == "pack" else _add(settings, options.file)


def _pack(settings: Settings, file: str | None) -> int:
    from harness.measure.record_archive import pack
    from harness.report.redraw import load

    load(settings.results, say=tell)  # what cannot be read is told, since it is not packed
    name = settings.platform.name
    path = Path(file or f"jamcam-records-{name}.zip")
    packed = pack(settings.results, name, path)
    tell(f"packed: {len(packed)} records of {name} into {path}; docs/records.md says where to send it")
    return 0


def _add(settings: Settings, file: str | None) -> int:
    from harness.measure.record_archive import add

    if not file:
        raise ConfigError("no archive was given", remedy=ACTIONS["add"])
    added, there = add(Path(file), settings.results)
    for folder in there:
        tell(f"there already: {folder}")
    for folder in added:
        tell(f"added: {folder}")
    draw(settings)
    return 0


VERBS = (
    Verb(
        name="records",
        help="pack the records of a platform into one file, or add those of a file that was sent in",
        run=_records,
        settings=("results", "platform"),
        positionals=(
            Option(name="action", help="pack or add", is_required=True),
            Option(name="file", help="the archive"),
        ),
    ),
)
