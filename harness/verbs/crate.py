"""The verb `crate`: a run as one file for strangers."""

import argparse
from pathlib import Path

from harness.errors import ConfigError
from harness.settings.table import nearest
from harness.settings.variables import Settings
from harness.text import tell
from harness.verbs.run import HELPS
from harness.verbs.verb import Option, Verb

TITLE = "handing on a run"
MIB = 1 << 20
ON_REQUEST = ("weights", "data")


def _crate(settings: Settings, options: argparse.Namespace) -> int:
    wanted = _wanted(getattr(options, "with"))
    from harness.reproduce.crate import write_crate
    from harness.reproduce.crate_extras import extras
    from harness.reproduce.source import read_run

    run = read_run(settings.workspace)
    more = extras(run, settings, with_archive="data" in wanted)
    target = Path(options.file or f"{settings.workspace.name}.crate.zip")
    packed = write_crate(target, run, titles=HELPS, wanted=wanted, extra=more.files, licence=more.licence)
    for line in (*more.missing, *packed.left_out):
        tell(f"left out: {line}")
    if missing := [word for word in ON_REQUEST if word not in wanted]:
        tell(f"described by their digests alone: {' and '.join(missing)} (WITH={','.join(missing)})")
    tell(f"packed: {len(run.markers)} stages, {packed.files} files, {packed.bytes / MIB:.2f} MiB: {target}")
    tell(f"sha256: {packed.sha256}")
    return 0


def _wanted(text: str | None) -> tuple[str, ...]:
    words = tuple(word.strip() for word in (text or "").split(",") if word.strip())
    for word in words:
        if word not in ON_REQUEST:
            raise ConfigError(
                f"a crate is not made with '{word}', but with {' and '.join(ON_REQUEST)}",
                remedy=f"take {nearest(word, ON_REQUEST)}",
            )
    return words


VERBS = (
    Verb(
        name="crate",
        help="pack a run into one file that others can reproduce; weights and frames on request",
        run=_crate,
        settings=("recipe", "dataset", "platform", "workspace", "results"),
        options=(
            Option(name="with", help="what goes into a `crate` besides: weights, data, or both with a comma"),
        ),
        positionals=(Option(name="file", help="the file to write; else WORKSPACE.crate.zip"),),
    ),
)
