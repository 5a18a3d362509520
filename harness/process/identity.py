"""One process: its start time, which tells it from a later one of the same number, and how it is ended."""

import contextlib
import os
import signal
import time
from pathlib import Path

GRACE_S = 10.0
# The container image in which this program itself runs, "" outside.
CONTAINER = os.environ.get("APPTAINER_CONTAINER") or os.environ.get("SINGULARITY_CONTAINER") or ""


def start_time(pid: int) -> str | None:
    """When process `pid` started, as an opaque text; None where it is gone, or dead and not yet collected."""
    if not Path("/proc/self/stat").exists():
        import subprocess  # only where there is no /proc

        shown = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return shown.stdout.strip() or None
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # Fields after the name, which may hold blanks and brackets: state is the first, the start in ticks the
    # twentieth.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def boot_id() -> str:
    """What tells this start of the machine from all others; "" where the system does not say."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def pid_namespace() -> str:
    """The namespace in which our process numbers mean something: `pid:[4026531836]`; "" if unknown."""
    with contextlib.suppress(OSError):
        return str(Path("/proc/self/ns/pid").readlink())
    return ""


def user_name(uid: int) -> str:
    """The name of a user, or the number where it has none here."""
    import pwd  # of those who share a workspace

    with contextlib.suppress(KeyError):
        return pwd.getpwuid(uid).pw_name
    return str(uid)


def other_owner(path: Path) -> str:
    """Whose a file is where it is not this user's, else ""; "" where there is none, too."""
    with contextlib.suppress(OSError):
        uid = path.stat().st_uid
        return user_name(uid) if uid != os.geteuid() else ""
    return ""


def works_in(pid: int, folder: Path) -> bool:
    """Whether a process has `folder` as its working folder, or files below it in its command line."""
    with contextlib.suppress(OSError):
        if Path(f"/proc/{pid}/cwd").resolve() == folder.resolve():
            return True
        return os.fsencode(folder) + b"/" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def is_running(pid: int, started: str) -> bool:
    """Whether `pid` is still the process that started at `started`."""
    return start_time(pid) == started


def is_stopped(pid: int) -> bool:
    """Whether a process is stopped, as Ctrl-Z does it; False where nobody can tell."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    return False


def end(pid: int, started: str, *, grace_s: float = GRACE_S) -> None:
    """End a process and its group: ask first, kill after `grace_s` seconds."""
    if not is_running(pid, started):
        return
    try:
        # Engines lead a group of their own; whoever does not is signalled alone, or we would hit strangers.
        leads = os.getpgid(pid) == pid
    except ProcessLookupError:  # it has ended this moment
        return
    send = os.killpg if leads else os.kill
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            send(pid, number)
        deadline = time.monotonic() + grace_s
        while is_running(pid, started) and time.monotonic() < deadline:
            time.sleep(0.02)
        if not is_running(pid, started):
            break
    if leads:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)  # what the engine itself left behind
