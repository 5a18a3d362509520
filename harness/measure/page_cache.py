"""Whether frames are read from a disk or from memory: the share of them in the page cache of the kernel.

A bench reads them all before its cases begin. Else it would be chance, such as what else ran on the machine,
that decides whether the first run of a case reads from a disk, and two benches could not be compared.
"""

import ctypes
import mmap
import os
from collections.abc import Sequence
from pathlib import Path

import psutil

from harness.measure.fact_table import ABSENT

MOST_FILES = 1000  # enough for a share; each costs some 20 microseconds
WARM_PCT, COLD_PCT = 95.0, 5.0
MOST_SHARE = 0.5  # of the free memory; more frames than that would push each other out
BLOCK_BYTES = 2**20
WARM, COLD, PARTLY = "warm", "cold", "partly warm"


def caches_of_frames(data: Path) -> str | None:
    """The state of the caches of all frames below the folder `data`, in a word.

    `fact_table.ABSENT` where there are no frames yet; None where the kernel does not say.
    """
    files = _frames(data)
    chosen = files[:: -(-len(files) // MOST_FILES) or 1]
    return state(chosen) if chosen else ABSENT


def warm_frames(data: Path) -> bool:
    """Read all frames below the folder `data`, so that the kernel keeps them in memory.

    Returns whether they were read; nothing is read where they would fill more than MOST_SHARE of the memory
    that is free.
    """
    files = _frames(data)
    if sum(path.stat().st_size for path in files) > MOST_SHARE * psutil.virtual_memory().available:
        return False
    for path in files:
        with path.open("rb", buffering=0) as stream:
            while stream.read(BLOCK_BYTES):
                pass
    return True


def _frames(data: Path) -> list[Path]:
    return sorted(path for path in data.glob("*/images/*") if path.is_file())


def state(files: Sequence[Path]) -> str | None:
    """The same of some files."""
    counts = [_pages(path) for path in files]
    known = [pair for pair in counts if pair is not None]
    total = sum(pages for _, pages in known)
    if len(known) < len(counts) or not total:
        return None
    share_pct = 100 * sum(resident for resident, _ in known) / total
    return WARM if share_pct >= WARM_PCT else COLD if share_pct <= COLD_PCT else PARTLY


def _pages(path: Path) -> tuple[int, int] | None:
    """(pages in memory, pages) of a file, by mincore; it tells the truth to those who may write the file."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "mincore") or not os.access(path, os.W_OK):
        return None
    size = path.stat().st_size
    pages = -(-size // mmap.PAGESIZE)
    if not pages:
        return 0, 0
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *(ctypes.c_int,) * 3, ctypes.c_long)
    with path.open("rb") as stream:
        start = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, stream.fileno(), 0)
    if start in (None, ctypes.c_void_p(-1).value):
        return None
    try:
        seen = (ctypes.c_ubyte * pages)()
        if libc.mincore(ctypes.c_void_p(start), ctypes.c_size_t(size), seen):
            return None
        return sum(page & 1 for page in seen), pages
    finally:
        libc.munmap(ctypes.c_void_p(start), ctypes.c_size_t(size))
