"""The lines of a log that somebody kept: packed by gzip, in UTF-16, or labelled by `srun -l`."""

import codecs
import hashlib
import re
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

from probe.errors import ProbeError

STANDARD_INPUT = Path("-")
MOST_BYTES = 2**28  # of a log, unpacked; a day of eight GPUs, once a second, is a third of it
GZIP = b"\x1f\x8b"
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
LABEL = re.compile(r"\s*(\d{1,6}):(?=[ #])")  # `srun -l` puts `3: ` before each line of task 3


@dataclass(frozen=True, kw_only=True, slots=True)
class LogText:
    """The whole lines of a log."""

    name: str
    sha256: str  # of the bytes as they were read, packed or not
    tasks: dict[str, list[tuple[int, str]]]  # label of `srun -l`, "" where there is none -> (number, line)
    remarks: tuple[str, ...]  # in words: what was put right


def read_log(path: Path) -> LogText:
    """Read a file or a pipe once; the path `-` is standard input.

    Raises:
        ProbeError: it cannot be read, or is larger than MOST_BYTES.
    """
    raw = _read(path)
    remarks: list[str] = []
    text = _decoded(_unpacked(raw, path, remarks), remarks)
    lines = [*enumerate(text.splitlines(), 1)]
    if text and text[-1] not in "\r\n":
        remarks.append(f"line {len(lines)}, the last, has no end: it may be cut and is left out")
        lines.pop()
    return LogText(
        name=path.name if path.is_file() else "a pipe",
        sha256=hashlib.sha256(raw).hexdigest(),
        tasks=_by_label(lines, remarks),
        remarks=tuple(remarks),
    )


def _read(path: Path) -> bytes:
    try:
        if path == STANDARD_INPUT:
            raw = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with path.open("rb") as stream:
                raw = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise ProbeError(f"cannot read {path}: {error.strerror}", remedy="correct the path") from error
    if len(raw) > MOST_BYTES:
        raise _too_large(path)
    return raw


def _unpacked(raw: bytes, path: Path, remarks: list[str]) -> bytes:
    if not raw.startswith(GZIP):
        return raw
    remarks.append("it was unpacked with gzip")
    parts, left = [], MOST_BYTES
    while raw.startswith(GZIP):  # a file of gzip may have several members
        member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        try:
            parts.append(member.decompress(raw, left + 1))
        except zlib.error as error:
            remarks.append(f"a part of it cannot be unpacked and is left out: {error}")
            break
        left -= len(parts[-1])
        if left < 0:
            raise _too_large(path)
        if not member.eof:
            remarks.append("its packed end is cut off")
        raw = member.unused_data
    return b"".join(parts)


def _decoded(raw: bytes, remarks: list[str]) -> str:
    if raw.startswith(UTF_16):
        remarks.append("it was read as UTF-16, which PowerShell writes")
        return raw.decode("utf-16", errors="replace")
    if raw.startswith(codecs.BOM_UTF8):
        remarks.append("the mark of UTF-8 at its start was left out")
    return raw.decode("utf-8-sig", errors="replace")


def _by_label(lines: list[tuple[int, str]], remarks: list[str]) -> dict[str, list[tuple[int, str]]]:
    tasks: dict[str, list[tuple[int, str]]] = {}
    for number, line in lines:
        label = LABEL.match(line)
        task, rest = (label[1], line[label.end() :]) if label else ("", line)
        tasks.setdefault(task, []).append((number, rest))
    if set(tasks) <= {""}:
        return tasks
    unlabelled = [line for _, line in tasks.pop("", []) if line.strip()]
    remarks.append("the labels of `srun -l` at the start of its lines were read as numbers of tasks")
    remarks += [f"{len(unlabelled)} lines without a label are left out"] if unlabelled else []
    return tasks


def _too_large(path: Path) -> ProbeError:
    return ProbeError(
        f"{path} holds more than {MOST_BYTES // 2**20} MiB of text",
        remedy="cut it into several files, each with a heading of dmon",
    )
