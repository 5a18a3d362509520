"""Memory that one step gives back is kept for the next.

A step of training on a CPU frees hundreds of tensors of many megabytes, and the next one wants as many. By
itself the C library (glibc) gives each back to the kernel, and gets it again page by page, every page cleared
first: 13,000 to 100,000 page faults a step.
"""

import ctypes
import sys

# Of <malloc.h>.
TRIM_THRESHOLD, MMAP_MAX = -1, -4


def keep_freed_memory() -> None:
    """Let this process keep what it frees; without effect where the C library is not glibc."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if set_option is not None:
        set_option(MMAP_MAX, 0)  # large blocks are no mappings of their own, which end when they are freed
        set_option(TRIM_THRESHOLD, -1)  # and the end of the heap is never given back
