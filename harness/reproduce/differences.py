"""Which facts of two runs differ, what can be expected therefore, and what may have caused a difference.

`docs/reproducing.md` says the same to readers: when the same bytes are promised, and what is expected else.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.engine.answers import CHOOSING, TAKING
from harness.reproduce.levels import Level
from harness.reproduce.source import CODE, ENGINE, NUMERICS, OF_NETWORK, SETTINGS, Run, Value
from harness.text import one_line
from harness.verdict import Verdict

# Packages that compute, decode or write products. Others, such as luigi or pytest, decide no byte.
WRITING = (
    *("numpy", "pillow", "torch", "onnx", "onnx-ir", "onnxruntime", "onnxscript", "ml-dtypes"),
    *("protobuf", "google-crc32c", "h5py"),
)
# Of these two that are absent are equal: not installed; nothing was computed by a network that could choose.
MAY_BE_ABSENT = (*WRITING, "runtime")
# Facts told by stages that training does not need, none of which may have been asked for.
TOLD_BY = {"precision": ("export",), "checkpoint": TAKING}
# Facts that change no byte by themselves: they stand for others, or tell where else to look.
TOLD = ("python", "harness_version", "recipe", "numbers")
GPU = re.compile(r", \d+\.\d+$")  # the compute capability, which ends the fact `processor` of a GPU


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A fact that differs, or of which nobody can tell whether it does: one side was not recorded."""

    fact: str
    there: Value
    here: Value

    @property
    def verdict(self) -> Verdict:
        """No: the two are known and differ."""
        return Verdict.CANNOT_TELL if None in (self.there, self.here) else Verdict.NO

    def __str__(self) -> str:
        return f"{self.fact}: {shown(self.there)} there, {shown(self.here)} here"


def differences(there: Run, here: Run) -> list[Difference]:
    """Facts and packages that are not known to be equal; numerics first, as what explains most."""
    unasked = {name for name, by in TOLD_BY.items() if here.markers and not here.markers.keys() & by}
    names = [name for name in (*NUMERICS, *ENGINE, *SETTINGS, *CODE) if name not in unasked]
    pairs = [(name, there.facts.get(name), here.facts.get(name)) for name in names]
    if not (there.packages and here.packages):
        told = ["recorded" if one.packages else None for one in (there, here)]
        pairs.append(("packages", told[0], told[1]))
    else:
        pairs += [
            (name, there.packages.get(name), here.packages.get(name)) for name in WRITING if name != "torch"
        ]
    return [
        Difference(fact=name, there=old, here=new)
        for name, old, new in pairs
        if old != new or (old is None and name not in MAY_BE_ABSENT)
    ]


def promised(found: Sequence[Difference], processor: Value) -> tuple[Level, str]:
    """The level that may be expected of what a network makes, and why.

    The same bytes are promised for the same settings, engine, numerics class and versions of WRITING, unless
    the `processor` of the run is a GPU. The commit decides nothing by itself: what changes products raises a
    revision, which is in the fingerprint.
    """
    deciding = [one for one in found if one.fact not in (*TOLD, "commit", "sources_changed")]
    known = [one for one in deciding if one.verdict is Verdict.NO]
    # In an image or outside of one, the same engine does the same work with other libraries.
    work = [one for one in known if one.fact in (*SETTINGS, "engine", "engine_version")]
    if work:
        return Level.DIFFERENT, f"not the same work: {_listed(work)}"
    if known:
        return Level.QUALITY, f"the same bytes are not promised: {_listed(known)}"
    changed = [
        one for one in found if one.fact in ("commit", "sources_changed") and one.here is not one.there
    ]
    unknown = [one for one in deciding if one.fact in (*NUMERICS, *ENGINE, "packages")]
    if unknown:
        return Level.UNKNOWN, f"not recorded on one side: {', '.join(one.fact for one in unknown)}"
    if GPU.search(str(processor)):
        return Level.QUALITY, "the last digits of a training on a GPU may differ from run to run"
    note = f" (though {_listed(changed)})" if changed else ""
    return Level.BYTES, f"the same settings, engine, numerics class and packages{note}"


def causes(stage: str, found: Sequence[Difference], upstream: Sequence[str]) -> tuple[str, ...]:
    """What probably made a product of `stage` differ, most telling first.

    Args:
        upstream: products of the stages before that differ in content.
    """
    if upstream:
        return (f"what it was made from differs: {upstream[0]}",)
    # The digest of the data is what came out of the first stages.
    hidden = ("data_sha256", *TOLD, *(() if stage in OF_NETWORK else NUMERICS))
    hidden = hidden if stage in CHOOSING else (*hidden, "runtime")
    known = [one for one in found if one.fact not in hidden and one.verdict is Verdict.NO]
    unknown = [one.fact for one in found if one.fact not in hidden and one.verdict is Verdict.CANNOT_TELL]
    told = [str(one) for one in known]
    if not told and unknown:
        return (f"no recorded fact differs; not recorded on one side: {', '.join(unknown)}",)
    return tuple(told) or (
        "no recorded fact differs: the file was changed, or the program is not deterministic",
    )


def _listed(found: Sequence[Difference]) -> str:
    return "; ".join(map(str, found[:4])) + (f"; and {len(found) - 4} more" if len(found) > 4 else "")


def shown(value: Value) -> str:
    """A fact in a line: of a digest or a commit the first digits."""
    if value is None:
        return "not recorded"
    text = "yes" if value is True else "no" if value is False else str(value)
    short = text[:12] if len(text) >= 40 and text.isalnum() else text
    return one_line(short, longest=60) or "none"
