"""Disturbed runs of the nine stages: `python -m tests.system.pipeline_faults --seeds 100 --side-by-side 2`.

Each seed has a workspace of its own, one to three faults, and afterwards as many plain `jamcam all` as it
takes. What a command says by its exit status must be true each time, nothing outside the workspace may be
touched, nothing that a person made may be lost, and in the end the products are those of an undisturbed run.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil

CHECKOUT = Path(__file__).resolve().parents[2]
FAKES = CHECKOUT / "tests" / "fakes" / "bin"
STAGES = ("download", "verify", "gen-valid", "tune-bdb", "convert-data", "train", "eval", "vis", "export")
TASKS = ("dataset_convert", "kmeans", "train", "evaluate", "inference", "export")
LONGEST_S = 2.5  # after the start, in which signals come; an undisturbed run takes about as long
PATIENCE_S = 120.0
TRIES = 6
# Kills its process when the named stage is about to write its marker, after its products were published.
KILLER = """
import os, signal, sys
def audit(event, arguments):
    path = str(arguments[0]) if event == "open" else ""
    if path.endswith(".part") and f"/.markers/.{os.environ['KILL_AT']}." in path:
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(audit)
"""


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
        if "Traceback (most recent call last)" in printed:
            self.wrong.append("a traceback was printed")
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


def digest(path: Path) -> str:
    """Of a file, or of a folder by names and contents; "" where there is nothing."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    if not path.is_dir():
        return ""
    files = sorted(file for file in path.rglob("*") if file.is_file())
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()} {file.relative_to(path)}" for file in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


# Faults of a running command. Each starts one, disturbs it, and gives it back to be waited for.


def kill_harness(one: Disturbed, chance: random.Random) -> None:
    """SIGKILL at any moment."""
    run = one.start(FAKE_YOLO_V4=chance.choice(["", "train=slow"]))
    time.sleep(chance.uniform(0.1, LONGEST_S))
    run.kill()
    one.end(run)


def interrupt(one: Disturbed, chance: random.Random) -> None:
    """As Ctrl-C, a closed terminal, or a shutdown do."""
    run = one.start(FAKE_YOLO_V4=chance.choice(["", "train=slow", "train=stubborn"]))
    time.sleep(chance.uniform(0.3, LONGEST_S))
    run.send_signal(chance.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP]))
    one.end(run)


def kill_engine(one: Disturbed, chance: random.Random) -> None:
    """SIGKILL of the engine alone."""
    run = one.start(FAKE_YOLO_V4="train=hang-after-1")
    deadline = time.monotonic() + PATIENCE_S / 2
    while run.poll() is None and time.monotonic() < deadline:
        for process in psutil.Process(run.pid).children(recursive=True) if run.poll() is None else ():
            try:
                if "train" in process.cmdline() and process.cmdline()[-1:] != ["all"]:
                    time.sleep(0.2)
                    process.kill()
            except psutil.Error:
                continue
        time.sleep(0.1)
    if one.end(run) == 0 and "Epoch" in one.printed and not one.differences():
        return  # it was over before the signal came


def engine_misbehaves(one: Disturbed, chance: random.Random) -> None:
    """It crashes, claims success and makes nothing, or ends with 0 after a failure."""
    one.end(one.start(FAKE_YOLO_V4=f"{chance.choice(TASKS)}={chance.choice(['crash', 'idle', 'sulk'])}"))


def killed_before_the_marker(one: Disturbed, chance: random.Random) -> None:
    """Products are published, the marker is not written yet."""
    (one.folder / "killer").mkdir(exist_ok=True)
    (one.folder / "killer" / "sitecustomize.py").write_text(KILLER)
    stage = chance.choice(STAGES)
    (one.workspace / ".markers" / f"{stage}.json").unlink(missing_ok=True)
    one.end(one.start(PYTHONPATH=f"{one.folder / 'killer'}{os.pathsep}{CHECKOUT}", KILL_AT=stage))
    if (one.workspace / ".markers" / f"{stage}.json").is_file():
        one.wrong.append(f"{stage} was not killed before its marker: the fault does nothing")


def two_runs_after_unlock(one: Disturbed, chance: random.Random) -> None:
    """Somebody takes the lock away by force and starts a second run; both say what is true of their own."""
    first = one.start(FAKE_YOLO_V4="train=slow")
    time.sleep(chance.uniform(0.5, LONGEST_S))
    unlock = one.start("unlock")
    unlock.communicate(timeout=PATIENCE_S)
    forced = subprocess.run(
        [sys.executable, "-m", "harness", "unlock", "--force", f"--workspace={one.workspace}"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    one.printed += forced.stdout + forced.stderr
    second = one.start()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one.end, [first, second]))


def second_run_beside(one: Disturbed, chance: random.Random) -> None:
    """A second command in the same workspace is refused while the first one works."""
    first = one.start(FAKE_YOLO_V4="train=slow")
    time.sleep(chance.uniform(0.5, 1.5))
    second = one.start()
    status = one.end(second)
    if first.poll() is None and status not in (0, 4):
        one.wrong.append(f"a second run beside the first one ended with {status}")
    one.end(first)


# Faults of the disk. Each leaves something behind, and a command has to cope with it.


def lose_product(one: Disturbed, chance: random.Random) -> None:
    """A product is removed or cut."""
    path = one.workspace / chance.choice(sorted(one.expected))
    if path.is_dir():
        path = chance.choice(sorted(path.rglob("*")) or [path])
    if path.is_file() and chance.random() < 0.5:
        # A name of its own first: views of a frame are links to one file.
        content = path.read_bytes()[:-1]
        path.unlink()
        path.write_bytes(content)
    elif path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    one.end(one.start())


def garble_marker(one: Disturbed, chance: random.Random) -> None:
    """A marker is cut, empty, or of another kind."""
    path = one.workspace / ".markers" / f"{chance.choice(STAGES)}.json"
    if path.is_file():
        path.write_bytes(
            chance.choice([b"", path.read_bytes()[:40], b"[]", b"\xff\xfe\x00", b'{"schema_version": 1}'])
        )
    one.end(one.start())


def foreign_marker(one: Disturbed, chance: random.Random) -> None:
    """A marker that came from elsewhere names products outside of the workspace."""
    path = one.workspace / ".markers" / f"{chance.choice(STAGES)}.json"
    if path.is_file():
        table = json.loads(path.read_text())
        place = chance.choice([str(one.outside), "../outside", "data/../../outside", "."])
        table["products"].append({"path": place, "bytes": 1, "files": 1, "sha256": "0" * 64})
        if chance.random() < 0.5:
            table["fingerprint"] = "0" * 64
        path.write_text(json.dumps(table))
    one.end(one.start())


def foreign_engine_lock(one: Disturbed, chance: random.Random) -> None:
    """A file says that the engine of an earlier run is a process that belongs to somebody else."""
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as bystander:
        started = Path(f"/proc/{bystander.pid}/stat").read_text().rpartition(")")[2].split()[19]
        one.workspace.mkdir(exist_ok=True)
        note = {"pid": bystander.pid, "started": started}
        (one.workspace / f".lock.{chance.choice(STAGES)}").write_text(json.dumps(note))
        one.end(one.start())
        if bystander.poll() is not None:
            one.wrong.append("a process of somebody else was ended")
        bystander.kill()


def odd_lock(one: Disturbed, chance: random.Random) -> None:
    """The lock is a folder, holds odd bytes, or names a process that is gone."""
    one.workspace.mkdir(exist_ok=True)
    lock = one.workspace / ".lock"
    kind = chance.choice(["folder", "bytes", "gone"])
    if kind == "folder":
        lock.mkdir(exist_ok=True)
    elif kind == "bytes":
        lock.write_bytes(b"\xff\x00{")
    else:
        lock.write_text(json.dumps({"host": os.uname().nodename, "pid": 2**22 - 1, "started": "1"}))
    status = one.end(one.start())
    if status not in (0, 1, 4):
        one.wrong.append(f"an odd lock ({kind}) ended with {status}")
    if lock.is_dir():
        lock.rmdir()
    elif status:
        lock.unlink(missing_ok=True)


def file_in_the_way(one: Disturbed, chance: random.Random) -> None:
    """A plain file stands where the folder of attempts belongs."""
    stage = chance.choice(STAGES)
    place = one.workspace / ".attempts" / stage
    if place.is_dir():
        shutil.rmtree(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("in the way")
    for path in one.workspace.glob(f".markers/{stage}.json"):
        path.unlink()
    if one.end(one.start()) == 0:
        one.wrong.append(f"exit status 0, although {stage} could not begin")
    place.unlink()


def attempts_of_tomorrow(one: Disturbed, chance: random.Random) -> None:
    """The clock was ahead once: folders of earlier attempts have names that sort after today's."""
    for number in range(8):
        folder = one.workspace / ".attempts" / "train" / f"2199010{number + 1}T000000.000000-1"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "outcome.json").write_text('{"status": "done"}')
    for path in one.workspace.glob(".markers/train.json"):
        path.unlink()
    status = one.end(one.start())
    ours = [
        path
        for path in (one.workspace / ".attempts" / "train").glob("20[0-9][0-9]*")
        if "2199" not in path.name
    ]
    if status == 0 and not any((path / "console.log").exists() for path in ours):
        one.wrong.append("the log of the attempt that has just ended is gone")


def no_room(one: Disturbed, chance: random.Random) -> None:
    """No file may grow beyond a few kilobytes, as on a disk that is full."""
    limit = f'ulimit -f {chance.choice([1, 4, 16])}; exec "$@"'
    options = ["--recipe=smoke", f"--dataset={one.dataset}", "--engine=here", f"--workspace={one.workspace}"]
    command = ["bash", "-c", limit, "-", sys.executable, "-m", "harness", "all", *options]
    names = {**os.environ, "PATH": f"{FAKES}{os.pathsep}{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
    one.end(
        subprocess.Popen(command, cwd=CHECKOUT, env=names, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    )


FAULTS: tuple[Callable[[Disturbed, random.Random], None], ...] = (
    *(
        kill_harness,
        interrupt,
        kill_engine,
        engine_misbehaves,
        killed_before_the_marker,
        two_runs_after_unlock,
    ),
    *(second_run_beside, lose_product, garble_marker, foreign_marker, foreign_engine_lock, odd_lock),
    *(file_in_the_way, attempts_of_tomorrow, no_room),
)


def undisturbed(dataset: Path, folder: Path) -> dict[str, str]:
    """Products of a run that nothing happens to, and their digests."""
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


def disturb(seed: int, dataset: Path, expected: dict[str, str], folder: Path) -> Disturbed:
    """One seed: sometimes from nothing, sometimes in a finished workspace; then until it is done."""
    chance = random.Random(seed)
    one = Disturbed(seed=seed, folder=folder, dataset=dataset, expected=expected)
    one.outside.mkdir(parents=True)
    (one.outside / "precious").write_text("of somebody else")
    if chance.random() < 0.6:
        one.end(one.start())
    note = one.workspace / "data" / "my notes.txt"
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text("written by a person")
    for fault in chance.sample(FAULTS, chance.randint(1, 3)):
        one.faults.append(fault.__name__)
        fault(one, chance)
    for _ in range(TRIES):
        if one.end(one.start()) == 0:
            break
    else:
        one.wrong.append(f"not done after {TRIES} more commands")
    one.wrong += one.differences()[:1]
    if not (one.outside / "precious").is_file():
        one.wrong.append("something outside of the workspace is gone")
    if not note.is_file():
        one.wrong.append("what a person wrote into the workspace is gone")
    return one


def main() -> int:
    """Print a line for each seed, and how many were wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds")
    parser.add_argument("--side-by-side", type=int, default=2, help="runs at a time")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pipeline-faults-") as name:
        top = Path(name)
        dataset = CHECKOUT / "specs" / "datasets" / "smoke.toml"
        expected = undisturbed(dataset, top / "undisturbed")

        def one(seed: int) -> Disturbed:
            found = disturb(seed, dataset, expected, top / str(seed))
            line = {"seed": seed, "faults": found.faults, "statuses": found.statuses, "wrong": found.wrong}
            print(json.dumps(line), flush=True)
            if found.wrong:
                kept = Path(tempfile.gettempdir()) / f"pipeline-fault-{seed}.log"
                kept.write_text(found.printed)
            shutil.rmtree(top / str(seed), ignore_errors=True)
            return found

        with ThreadPoolExecutor(options.side_by_side) as pool:
            every = list(pool.map(one, range(options.first, options.first + options.seeds)))
    wrong = [found.seed for found in every if found.wrong]
    faults = Counter(fault for found in every for fault in found.faults)
    statuses = Counter(status for found in every for status in found.statuses)
    tracebacks = sum("Traceback (most recent call last)" in found.printed for found in every)
    print(f"{len(every)} runs, {faults.total()} faults {dict(faults)}")
    print(
        f"exit statuses {dict(sorted(statuses.items()))}, tracebacks {tracebacks}, wrong: {wrong or 'none'}"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
