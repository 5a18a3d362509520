"""The verb reproduce: runs again what a workspace, crate or record tells of, and writes a receipt."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import CannotTell, ConfigError, Refused
from harness.settings.table import nearest
from harness.settings.variables import Settings
from harness.text import tell
from harness.verbs.data import FROM
from harness.verbs.tidy import held
from harness.verbs.verb import QUEUE, Option, Verb
from harness.workspace.marker import STAGES

if TYPE_CHECKING:
    from harness.reproduce.receipt import Receipt

TITLE = "reproducing"
EXACT = Option(
    name="exact",
    help="1: `reproduce` with the sources of the recorded commit and the recorded packages",
    is_switch=True,
)
ONLY = Option(name="only", help="stages that `reproduce` does from the other's products: eval,export")


def _reproduce(settings: Settings, options: argparse.Namespace) -> int:
    what = getattr(options, "from")
    if not what:
        raise ConfigError(
            "nothing was named that is to be reproduced",
            remedy="make reproduce FROM=workspace" if settings.via_make else "jamcam reproduce workspace",
        )
    if Path(what).suffix == ".json":
        from harness.reproduce.receipt import read_receipt

        return _end(read_receipt(Path(what)), Path(what))
    from harness.reproduce.reproduction import Request, reproduce

    again = settings.command("reproduce") if settings.via_make else settings.command("reproduce", what)
    request = Request(
        what=what,
        exact=options.exact,
        only=_stages(options.only),
        again=again,
        say=lambda text: tell(f"reproduce | {text}"),
        hold=held,
    )
    path, receipt = reproduce(settings, request)
    return _end(receipt, path)


def _stages(text: str | None) -> tuple[str, ...]:
    names = [name.strip() for name in text.split(",")] if text else []
    for name in names:
        if name not in STAGES:
            raise ConfigError(f"there is no stage {name}", remedy=f"write {nearest(name, STAGES)}")
    return tuple(stage for stage in STAGES if stage in names)


def _end(receipt: "Receipt", path: Path) -> int:
    from harness.reproduce.receipt import conclusion, told

    tell(told(receipt))
    tell(f"receipt: {path}")
    if receipt.verdict == "yes":
        return 0
    kind = Refused if receipt.verdict == "no" else CannotTell
    raise kind(conclusion(receipt), remedy=f"read the first differences above, or in {path}")


VERBS = (
    Verb(
        name="reproduce",
        help="run again what a workspace, crate or record tells of, and say whether the same came out",
        run=_reproduce,
        settings=("workspace", "results", "platform", "engine", "image", "tao_version", *QUEUE),
        options=(FROM, EXACT, ONLY),
        positionals=(FROM,),
    ),
)
