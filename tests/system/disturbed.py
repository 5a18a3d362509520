"""A run of the nine stages that something happens to, and what must be true of it whatever that was."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
FAKES = CHECKOUT / "tests" / "fakes" / "bin"
STAGES = ("download", "verify", "gen-valid", "tune-bdb", "convert-data", "train", "eval", "vis", "export")
PATIENCE_S = 120.0  # for one command
CANNOT_TELL, SIGNALLED = 5, 128  # exit statuses; those from the second on are a signal's


@dataclass
class Disturbed:
    """One seed: its workspace, what stands beside it, and its problems in `wrong`."""

    seed: int
    folder: Path
    dataset: Path
    expected: dict[str, str]  # product -> digest, of an undisturbed run
    faults: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)  # what commands that ended with "cannot tell" said of it
    printed: str = ""

    @property
    def workspace(self) -> Path:
        """Where the stages work."""
        return self.folder / "workspace"

    @property
    def outside(self) -> Path:
        """A folder that belongs to somebody else."""
        return self.folder / "outside"

    def start(self, *words: str, **names: str) -> "subprocess.Popen[bytes]":
        """Begin a command, and do not wait."""
        options = [
            "--recipe=smoke",
            f"--dataset={self.dataset}",
            "--engine=here",
            f"--workspace={self.workspace}",
        ]
        path = f"{FAKES}{os.pathsep}{os.environ['PATH']}"
        return subprocess.Popen(
            [sys.executable, "-m", "harness", *(words or ("all",)), *options],
            cwd=CHECKOUT,
            env={**os.environ, "PATH": path, **names},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,  # so that a line can be read of it ahead of all others
        )

    def end(self, process: "subprocess.Popen[bytes]") -> int:
        """Wait for a command, and hold its exit status against what lies on the disk."""
        try:
            printed = process.communicate(timeout=PATIENCE_S)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            process.kill()
            printed = process.communicate()[0].decode(errors="replace")
            self.wrong.append(f"a command was still running after {PATIENCE_S:.0f} s")
        self.printed += f"$ exit status {process.returncode}\n{printed}\n"
        self.statuses.append(process.returncode)
        if "Traceback" in printed:
            self.wrong.append("a traceback was printed")
        if 0 < process.returncode < SIGNALLED and "  try: " not in printed:
            self.wrong.append(f"exit status {process.returncode} without a next step")
        if process.returncode == CANNOT_TELL:
            self.untold += untold(printed)
        if process.returncode == 0 and (differences := self.differences()):
            self.wrong.append(f"exit status 0, but {differences[0]}")
        return process.returncode

    def differences(self) -> list[str]:
        """What of the products is not as an undisturbed run leaves it."""
        found = {path: digest(self.workspace / path) for path in self.expected}
        missing = [stage for stage in STAGES if not (self.workspace / ".markers" / f"{stage}.json").is_file()]
        differ = [path for path, wanted in self.expected.items() if found[path] != wanted]
        return [f"there is no marker of {stage}" for stage in missing] + [
            f"{path} differs" for path in differ
        ]


def untold(printed: str) -> list[str]:
    """The lines that explain an ending with "cannot tell", without what differs from run to run."""
    lines = [line for line in printed.splitlines() if "cannot tell" in line or "cannot be told" in line]
    return [re.sub(r"/\S+|\d[\d:.TZ-]*", "…", line) for line in lines[-1:]] or ["it was not explained"]


def digest(path: Path) -> str:
    """Of a file, or of a folder by names and contents; "" where there is nothing."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    if not path.is_dir():
        return ""
    files = sorted(file for file in path.rglob("*") if file.is_file())
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()} {file.relative_to(path)}" for file in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def hear_signals() -> None:
    """Programs started from here get signals as on a terminal, also under nohup or in the background."""
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *arguments: None)  # exec makes it the default


def undisturbed(dataset: Path, folder: Path) -> dict[str, str]:
    """Products of a run that nothing happens to, and their digests."""
    hear_signals()
    one = Disturbed(seed=-1, folder=folder, dataset=dataset, expected={})
    folder.mkdir(parents=True, exist_ok=True)
    process = one.start()
    printed = process.communicate(timeout=PATIENCE_S)[0].decode()
    assert process.returncode == 0, printed
    markers = [json.loads((one.workspace / ".markers" / f"{stage}.json").read_text()) for stage in STAGES]
    return {
        entry["path"]: digest(one.workspace / entry["path"])
        for table in markers
        for entry in table["products"]
    }
