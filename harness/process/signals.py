"""How a run ends on a signal: one exception, raised once, and no process outlives its parent."""

import os
import signal
import sys
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PR_SET_PDEATHSIG = 1


class Interrupted(KeyboardInterrupt):
    """A signal asked the run to end. A kind of KeyboardInterrupt, because luigi lets only that one pass."""

    def __init__(self, number: int) -> None:
        super().__init__(f"interrupted by signal {number} ({signal.Signals(number).name})")
        self.signal = number


def listen() -> None:
    """From now on the first ending signal raises Interrupted; later ones are ignored while we tidy up.

    A closed terminal is of no concern to a run that was started with nohup.
    """
    for number in ENDING:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _raise)


def _raise(number: int, frame: FrameType | None) -> None:
    for other in ENDING:
        signal.signal(other, signal.SIG_IGN)
    raise Interrupted(number)


def die_with_parent() -> None:
    """Make a worker process of luigi end at once when the process that started it is gone (Linux only)."""
    import ctypes  # with multiprocessing 10 ms that a run without workers does not need
    import multiprocessing

    parent = multiprocessing.parent_process()
    if sys.platform == "linux" and parent is not None:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent.pid:  # it died before the line above
            os._exit(128 + signal.SIGKILL)
