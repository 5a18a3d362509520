"""Disturbed runs of the nine stages: `python -m tests.system.pipeline_faults --seeds 100 --side-by-side 2`.

Each seed has a workspace of its own, one to three faults, and afterwards as many plain `jamcam all` as it
takes. What a command says by its exit status must be true each time, nothing outside the workspace may be
touched, nothing that a person made may be lost, and in the end the products are those of an undisturbed run.
"""

import argparse
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
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from tests.system.disturbed import CHECKOUT, FAKES, PATIENCE_S, STAGES, Disturbed, undisturbed

SMOKE = CHECKOUT / "specs" / "datasets" / "smoke.toml"
TASKS = {  # of the engine, and the stage that asks for each
    "dataset_convert": "convert-data",
    "kmeans": "tune-bdb",
    "train": "train",
    "evaluate": "eval",
    "inference": "vis",
    "export": "export",
}
LONGEST_S = 2.5  # after the start, in which signals come; an undisturbed run takes about as long
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
# Kills its process when it has moved products so many times to where they lie aside, or from there.
MOVER = """
import os, signal, sys
left = int(os.environ["KILL_AT_MOVE"])
def audit(event, arguments):
    global left
    if event == "os.rename" and any("/.kept/" in str(path) for path in arguments[:2]):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(audit)
"""
# The clock of a machine whose battery is empty; the file server has a clock of its own.
SET_BACK = """
import datetime, time
now = time.time
time.time = lambda: now() - 400 * 24 * 3600
class SetBack(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)
datetime.datetime = SetBack
"""


# Faults of a running command. Each starts one, disturbs it, and gives it back to be waited for.


def altered(one: Disturbed, name: str, code: str) -> str:
    """A PYTHONPATH with which Python runs `code` first."""
    (one.folder / name).mkdir(exist_ok=True)
    (one.folder / name / "sitecustomize.py").write_text(code)
    return f"{one.folder / name}{os.pathsep}{CHECKOUT}"


def kill_harness(one: Disturbed, chance: random.Random) -> None:
    """SIGKILL at any moment."""
    run = one.start(FAKE_YOLO_V4=chance.choice(["", "train=slow"]))
    time.sleep(chance.uniform(0.1, LONGEST_S))
    run.kill()
    one.end(run)


def interrupt(one: Disturbed, chance: random.Random) -> None:
    """As Ctrl-C, a closed terminal, or a shutdown do."""
    run = one.start(FAKE_YOLO_V4=chance.choice(["", "train=slow", "train=stubborn"]))
    # Python itself prints a traceback on Ctrl-C until its program has begun, on a busy machine for a second.
    one.printed += run.stdout.readline().decode(errors="replace")
    time.sleep(chance.uniform(0.0, LONGEST_S))
    run.send_signal(chance.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP]))
    one.end(run)


def kill_engine(one: Disturbed, chance: random.Random) -> None:
    """SIGKILL of the engine alone, at work on training."""
    (one.workspace / ".markers" / "train.json").unlink(missing_ok=True)
    run, said = one.start(FAKE_YOLO_V4="train=hang-after-1"), len(one.printed)
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
    # One that goes on after the first epoch does not wait, and may be over before the signal comes; what was
    # finished and lacked its marker alone is taken back, and no engine is started.
    unscathed = ("goes on after epoch", "train | takes back what it made")
    if one.end(run) == 0 and not any(words in one.printed[said:] for words in unscathed):
        one.wrong.append("exit status 0, although the engine was killed")


def engine_misbehaves(one: Disturbed, chance: random.Random) -> None:
    """It crashes, claims success and makes nothing, or ends with 0 after a failure."""
    task, how = chance.choice([*TASKS]), chance.choice(["crash", "idle", "sulk"])
    (one.workspace / ".markers" / f"{TASKS[task]}.json").unlink(missing_ok=True)
    said = len(one.printed)
    ended = one.end(one.start(FAKE_YOLO_V4=f"{task}={how}"))
    if ended == 0 and f"{TASKS[task]} | takes back what it made" not in one.printed[said:]:
        one.wrong.append(f"exit status 0, although {task} did {how}")


def killed_before_the_marker(one: Disturbed, chance: random.Random) -> None:
    """Products are published, the marker is not written yet."""
    stage = chance.choice(STAGES)
    (one.workspace / ".markers" / f"{stage}.json").unlink(missing_ok=True)
    one.end(one.start(PYTHONPATH=altered(one, "killer", KILLER), KILL_AT=stage))
    if (one.workspace / ".markers" / f"{stage}.json").is_file():
        one.wrong.append(f"{stage} was not killed before its marker: the fault does nothing")


def killed_while_products_move(one: Disturbed, chance: random.Random) -> None:
    """Other settings replace a training, and the run is killed meanwhile: nobody trains the old one again."""
    one.end(one.start())
    was_whole, calls = not one.differences(), one.folder / "calls"
    moves = {"PYTHONPATH": altered(one, "mover", MOVER), "KILL_AT_MOVE": str(chance.randrange(12))}
    run = one.start("train", "--epochs=3", **moves)
    one.printed += run.communicate(timeout=PATIENCE_S)[0].decode(errors="replace")
    status = one.end(one.start(FAKE_YOLO_V4_CALLS=str(calls)))
    if was_whole and (status or (calls.exists() and "train" in calls.read_text().split())):
        one.wrong.append(f"a finished training was lost: status {status}")


def two_runs_after_unlock(one: Disturbed, chance: random.Random) -> None:
    """Somebody takes the lock away by force and starts a second run; both say what is true of their own."""
    first = one.start(FAKE_YOLO_V4="train=slow")
    time.sleep(chance.uniform(0.5, LONGEST_S))
    for force in ([], ["--force"]):
        command = [sys.executable, "-m", "harness", "unlock", f"--workspace={one.workspace}", *force]
        answer = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
        one.printed += answer.stdout + answer.stderr
        if answer.returncode not in ((0,) if force else (0, 4)):
            one.wrong.append(f"unlock {force} ended with {answer.returncode}")
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


def marker_of_others_products(one: Disturbed, chance: random.Random) -> None:
    """A marker that came from elsewhere says that its stage made what another one made."""
    if one.differences():
        one.end(one.start())
        return
    thief, owner = chance.sample(STAGES, 2)
    paths = {stage: one.workspace / ".markers" / f"{stage}.json" for stage in (thief, owner)}
    tables = {stage: json.loads(path.read_text()) for stage, path in paths.items()}
    theirs = chance.choice(tables[owner]["products"])
    tables[thief]["products"].append(theirs)
    tables[thief]["fingerprint"] = "0" * 64
    paths[thief].write_text(json.dumps(tables[thief]))
    before = paths[owner].read_bytes(), (one.workspace / theirs["path"]).stat().st_ino
    status = one.end(one.start())
    upstream = STAGES.index(thief) < STAGES.index(owner)  # then the owner may have had to run
    if status == 0 and not upstream:
        product = one.workspace / theirs["path"]
        if before != (paths[owner].read_bytes(), product.exists() and product.stat().st_ino):
            one.wrong.append(f"{theirs['path']} of {owner} was made anew because of a marker of {thief}")


def clock_set_back(one: Disturbed, chance: random.Random) -> None:
    """The machine's clock says a day of last year; whatever ends then keeps its log and its products."""
    for path in one.workspace.glob(f".markers/{chance.choice(STAGES)}.json"):
        path.unlink()
    before = set(one.workspace.glob(".attempts/*/*/console.log"))
    fake = chance.choice(["", "train=crash"])
    status = one.end(one.start(PYTHONPATH=altered(one, "clock", SET_BACK), FAKE_YOLO_V4=fake))
    if status not in (0, 1) or (status and not fake):
        one.wrong.append(f"a run of last year ended with {status}")
    if status and not set(one.workspace.glob(".attempts/*/*/console.log")) - before:
        one.wrong.append("the log of the attempt that has just failed is gone")


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
        lock.unlink(missing_ok=True)  # of a run that was killed before
        lock.mkdir()
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


Fault = Callable[[Disturbed, random.Random], None]
OF_A_RUN: tuple[Fault, ...] = (
    *(kill_harness, interrupt, kill_engine, engine_misbehaves, killed_before_the_marker),
    *(killed_while_products_move, two_runs_after_unlock, second_run_beside, no_room),
)
OF_THE_DISK: tuple[Fault, ...] = (
    *(lose_product, garble_marker, foreign_marker, marker_of_others_products, foreign_engine_lock),
    *(odd_lock, file_in_the_way, attempts_of_tomorrow, clock_set_back),
)


def give_work(one: Disturbed, chance: random.Random) -> None:
    """A finished workspace would be left as it is: one of the stages up to training has to run again."""
    (one.workspace / ".markers" / f"{chance.choice(STAGES[:6])}.json").unlink(missing_ok=True)


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
    for fault in chance.sample([*OF_A_RUN, *OF_THE_DISK], chance.randint(1, 3)):
        one.faults.append(fault.__name__)
        if fault in OF_A_RUN:
            give_work(one, chance)
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
        expected = undisturbed(SMOKE, top / "undisturbed")

        def one(seed: int) -> Disturbed:
            found = disturb(seed, SMOKE, expected, top / str(seed))
            known = ("seed", "faults", "statuses", "untold", "wrong")
            print(json.dumps({each: getattr(found, each) for each in known}), flush=True)
            if found.wrong:
                kept = Path(tempfile.gettempdir()) / f"pipeline-fault-{seed}.log"
                kept.write_text(found.printed)
            shutil.rmtree(top / str(seed), ignore_errors=True)
            return found

        with ThreadPoolExecutor(options.side_by_side) as pool:
            every = list(pool.map(one, range(options.first, options.first + options.seeds)))
    print(summary(every))
    return 1 if any(found.wrong for found in every) else 0


def summary(every: Sequence[Disturbed]) -> str:
    """What a campaign found, in lines."""
    wrong = [found.seed for found in every if found.wrong]
    faults = Counter(fault for found in every for fault in found.faults)
    statuses = Counter(status for found in every for status in found.statuses)
    tracebacks = sum("Traceback" in found.printed for found in every)
    untold = Counter(line for found in every for line in found.untold)
    return "\n".join(
        [
            f"{len(every)} runs, {faults.total()} faults {dict(faults)}",
            f"exit statuses {dict(sorted(statuses.items()))}",
            f"tracebacks {tracebacks}, wrong: {wrong or 'none'}",
            f"cannot tell: {untold.total()}",
            *(f"  {count} times: {line}" for line, count in untold.items()),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
