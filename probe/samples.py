"""The file of samples, samples.csv.gz: a line for each beat, a column for each metric, empty cells as `nan`.

Columns: `unix_s` (seconds since 1970), `late_s` (how late the beat was), then one for each metric:
`<metric>` of the host or `gpu<n>_<metric>` of a GPU. A metric's name ends in its unit; one with `_total`
only ever grows.
"""

import gzip
import os
import zlib
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from probe.errors import ProbeError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLES = "samples.csv.gz"
# End of a metric's name -> its unit; where two fit, the first one holds.
UNITS = {
    "_bytes_per_s": "bytes/s",
    "_bytes": "bytes",
    "_mhz": "MHz",
    "_pct": "%",
    "_s": "s",
    "_j": "J",
    "_w": "W",
    "_c": "°C",
}
# Bits of a column `throttle_reasons`, as NVML numbers them; being idle or set to certain clocks are bits,
# too, and no reasons to worry.
THROTTLE_REASONS = {
    0x4: "power cap",
    0x8: "hardware slowdown",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "power brake",
}


class SamplesError(ProbeError):
    """A file of samples does not hold what it should."""


def unit_of(name: str, units: Mapping[str, str] = UNITS) -> str:
    """The unit of a number, which the end of its name tells; "" of a plain number, whose name tells none."""
    return next((unit for ending, unit in units.items() if f"_{name}".endswith(ending)), "")


def is_total(name: str) -> bool:
    """Whether it only ever grows, so that its change is what counts."""
    return "_total" in name


def read_columns(folder: Path) -> "dict[str, array[float]]":
    """Columns of samples.csv.gz, NaN where nothing was read; of a file cut off by a kill, all whole lines.

    Empty where there are none.

    Raises:
        SamplesError: a line has another number of cells than the heading, or one that is no number.
    """
    path = folder / SAMPLES
    header, _, body = (_inflated(path.read_bytes())[0] if path.exists() else "").partition("\n")
    names = header.split(",")
    if not body:
        return {}
    try:
        numbers = array("d", map(float, body.replace("\n", ",")[:-1].split(",")))
    except ValueError:
        numbers = array("d")
    if len(numbers) != body.count("\n") * len(names):
        raise SamplesError(f"{path} does not hold lines of {len(names)} numbers", remedy=f"remove {folder}")
    return {name: numbers[place :: len(names)] for place, name in enumerate(names)}


def read_samples(folder: Path) -> "dict[str, NDArray[np.float64]]":
    """The same as `read_columns`, as arrays of numpy.

    Raises:
        SamplesError: a line has another number of cells than the heading, or one that is no number.
    """
    import numpy as np  # the probe itself does without it

    return {name: np.array(column) for name, column in read_columns(folder).items()}


class SampleFile:
    """samples.csv.gz, to be added to: what was flushed can be read although the file was never closed.

    Where there are samples of an earlier run, their columns hold.

    Args:
        folder: where the file is or will be; it is there.
        columns: names of the metrics, in the order of the values of each line.
    """

    def __init__(self, folder: Path, columns: Sequence[str]) -> None:
        path = folder / SAMPLES
        text, whole = _inflated(path.read_bytes()) if path.exists() else ("", True)
        if not whole:  # an earlier sampler was killed: nothing can be put behind a member without an end
            aside = path.with_name(f".{path.name}.{os.getpid()}.part")
            aside.write_bytes(gzip.compress(text.encode(), mtime=0))
            aside.replace(path)
        known = text.partition("\n")[0].split(",") if text else []
        self._columns = known[2:] or [*columns]
        self._order = [columns.index(name) if name in columns else None for name in self._columns]
        self._stream = path.open("ab")
        self._packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
        self._lines = [] if known else [",".join(["unix_s", "late_s", *self._columns])]

    def __enter__(self) -> "SampleFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.flush(zlib.Z_FINISH)
        self._stream.close()

    def add(self, unix_s: float, late_s: float, values: Sequence[float | None]) -> None:
        """One line; `values` in the order of the columns this was made with."""
        chosen = (None if place is None else values[place] for place in self._order)
        cells = ("nan" if value is None else format(value, ".12g") for value in chosen)
        self._lines.append(f"{unix_s:.3f},{late_s:.6f},{','.join(cells)}")

    def flush(self, mode: int = zlib.Z_SYNC_FLUSH) -> None:
        """Write buffered lines to the file, so that readers see them."""
        text = "".join(line + "\n" for line in self._lines)
        self._lines = []
        self._stream.write(self._packer.compress(text.encode()) + self._packer.flush(mode))
        self._stream.flush()


def _inflated(packed: bytes) -> tuple[str, bool]:
    """All whole lines, and whether the file has its proper end; each sampler adds a gzip member."""
    parts, whole = [], True
    while packed and whole:
        member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        try:
            parts.append(member.decompress(packed))
        except zlib.error:
            break
        packed, whole = member.unused_data, member.eof
    text = b"".join(parts).decode("ascii", errors="replace")
    return text[: text.rfind("\n") + 1], whole and not packed
