"""Become a program that ends when its parent dies: `python die_with_parent.py PARENT_PID PROGRAM ARGUMENT…`.

Run by path as a program of its own: doing this between fork and exec of a process with threads is not safe.
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1
# These change their credentials, upon which the kernel forgets who was to be told of whose death.
SETUID_RUNTIMES = {"apptainer", "singularity"}


def main() -> None:
    """Replace this process by the program of argv[2:]; exit 127 where there is no such program."""
    parent, argv = int(sys.argv[1]), sys.argv[2:]
    stays = os.path.basename(argv[0]) in SETUID_RUNTIMES  # noqa: PTH119 - starts faster without pathlib
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGUSR1 if stays else signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            sys.exit(128 + signal.SIGKILL)
    if stays and (child := _fork_and_stay()):
        wait_for(child)
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        print(f"cannot start {argv[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(127)


def _fork_and_stay() -> int:
    """Fork: 0 in the child, which becomes the program; in the parent, which stays, the child's number."""
    signal.signal(signal.SIGUSR1, lambda number, frame: os.killpg(0, signal.SIGKILL))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(
            number, lambda number, frame: None
        )  # the group gets them, and so the program: it decides
    return os.fork()


def wait_for(child: int) -> None:
    """End as the child ends."""
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    sys.exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
