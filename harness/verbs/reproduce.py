"""The verb reproduce: runs again what a workspace, crate or record tells of, and writes a receipt."""

import argparse
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.answer import Answer
from harness.errors import CannotTell, ConfigError, Refused
from harness.settings.table import nearest
from harness.settings.variables import Settings
from harness.text import tell
from harness.verbs.data import FROM
from harness.verbs.tidy import held
from harness.verbs.verb import JSON, QUEUE, Option, Verb
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


def _reproduce(settings: Settings, options: argparse.Namespace) -> Answer:
    what = getattr(options, "from")
    if not what:
        raise ConfigError(
            "nothing was named that is to be reproduced",
            remedy="make reproduce FROM=workspace" if settings.via_make else "jamcam reproduce workspace",
        )
    if Path(what).suffix == ".json":
        from harness.reproduce.receipt import read_receipt

        return _answer(read_receipt(Path(what)), Path(what))
    from harness.reproduce.reproduction import Request, reproduce

    again = settings.command("reproduce") if settings.via_make else settings.command("reproduce", what)
    # Standard output is for the answer alone.
    stream = sys.stderr if options.json else None
    request = Request(
        what=what,
        exact=options.exact,
        only=_stages(options.only),
        again=again,
        words_to=2 if options.json else 1,
        say=lambda text: tell(f"reproduce | {text}", stream=stream),
        hold=partial(held, stream=stream),
    )
    path, receipt = reproduce(settings, request)
    return _answer(receipt, path)


def _stages(text: str | None) -> tuple[str, ...]:
    names = [name.strip() for name in text.split(",")] if text else []
    for name in names:
        if name not in STAGES:
            raise ConfigError(f"there is no stage {name}", remedy=f"write {nearest(name, STAGES)}")
    return tuple(stage for stage in STAGES if stage in names)


def _answer(receipt: "Receipt", path: Path) -> Answer:
    from harness.reproduce.receipt import conclusion, told

    error = None
    if receipt.verdict != "yes":
        kind = Refused if receipt.verdict == "no" else CannotTell
        error = kind(conclusion(receipt), remedy=f"read the first differences above, or in {path}")
    table = {"file": str(path), "receipt": asdict(receipt)}
    return Answer(text=f"{told(receipt)}\nreceipt: {path}", table=table, error=error)


VERBS = (
    Verb(
        name="reproduce",
        help="run again what a workspace, crate or record tells of, and say whether the same came out",
        run=_reproduce,
        settings=("workspace", "results", "platform", "engine", "image", "tao_version", *QUEUE),
        options=(FROM, EXACT, ONLY, JSON),
        positionals=(FROM,),
    ),
)
