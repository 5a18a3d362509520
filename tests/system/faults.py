"""Runs that are disturbed at random moments: `python -m tests.system.faults --seeds 100 --side-by-side 3`.

Each seed has a cluster of its own. Job, node, controller and submitter are killed, notes are lost, and a
second user gives the same command; on some the queue forgets at once and accounting never says an end.
Afterwards the one command that goes on is given until the run is done. Whatever was said on the way must be
true, nobody may see a traceback, and no job may have been submitted twice.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.system.cluster import Cluster
from tests.system.disturbed import CANNOT_TELL, SIGNALLED, untold
from tests.system.submitter import Run, prepare_data, python_of
from tests.waiting import until

EPOCHS = 10
OTHER_USER = "games"  # of every Debian; its home cannot be written
LONGEST_S = 12.0  # after the start, in which faults come
PATIENCE_S = 400.0  # for one submitter, on a busy machine
TRIES = 8  # commands until the run is done; four faults cannot end more


@dataclass
class Verdict:
    """What was found out about one seed. `wrong` is empty where all was well."""

    seed: int
    faults: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)  # what commands that ended with "cannot tell" said of it
    traceback: bool = False
    jobs: int = 0
    seconds: float = 0.0


def disturb(seed: int, with_data: Path, folder: Path) -> Verdict:
    """One run, up to four faults, and then as many tries as it takes."""
    chance, verdict, began = random.Random(seed), Verdict(seed), time.monotonic()
    shutil.copytree(with_data, folder / "workspace")
    for path in [folder, folder / "workspace", *(folder / "workspace").rglob("*")]:
        path.chmod(0o777)  # a workspace that two people share
    stale = chance.random() < 0.3
    cluster = Cluster(forgets=stale)
    try:
        run = Run(cluster.up(), folder / "workspace", shared=True)
        run.platform |= {"requeue": chance.random() < 0.7, "poll_s": 1.0}
        if stale:
            verdict.faults.append("stale accounting")
            make_accounting_stale(run, folder / "bin")
        submit(run)
        moments = sorted(chance.uniform(0, LONGEST_S) for _ in range(chance.randint(1, 4)))
        for earlier, moment in zip([0.0, *moments], moments, strict=False):
            time.sleep(moment - earlier)
            fault = chance.choice(FAULTS)
            verdict.faults.append(fault.__name__)
            fault(run, chance)
        finish(run, verdict)
    except (AssertionError, TimeoutError) as error:
        verdict.wrong.append(f"{type(error).__name__}: {error}")
    finally:
        cluster.down()
    verdict.seconds = time.monotonic() - began
    return verdict


def submit(run: Run) -> None:
    """The command, the same each time."""
    run.start(f"--epochs={EPOCHS}", misbehave="train=slow", always=True)


def finish(run: Run, verdict: Verdict) -> None:
    """Give the command until it ends well; compare each ending with what Slurm says."""
    judged = read = 0
    for _ in range(TRIES):
        if run.process is None or run.process.poll() == -signal.SIGKILL:
            submit(run)
        status = run.end(PATIENCE_S)
        printed, read = run.printed[read:], len(run.printed)
        if 0 < status < SIGNALLED and "  try: " not in printed:
            verdict.wrong.append(f"exit status {status} without a next step")
        if status == CANNOT_TELL:
            verdict.untold += untold(printed)
            verdict.said.append(f"{status} cannot tell")
            run.process = None
            continue
        if status == 0 and "nothing to do: train" in printed:
            # A job whose start Slurm had forgotten was taken for cancelled, and came to its end meanwhile.
            verdict.said.append("0 was done")
            break
        outcomes = run.outcomes
        new = outcomes[judged:]
        # A run that a second user began meanwhile may have ended otherwise than the one waited for here.
        fitting = [each for each in new if (each["state"] == "COMPLETED") == (status == 0)]
        outcome = (fitting or new or [{"state": "none", "job_id": ""}])[-1]
        judged = outcomes.index(outcome) + 1 if outcome in outcomes else judged
        verdict.said.append(f"{status} {outcome['state']}")
        if (status == 0) != (outcome["state"] == "COMPLETED"):
            verdict.wrong.append(f"exit status {status}, but outcome {outcome['state']}")
        if status == 0:
            break
        number = outcome.get("job_id", "")
        state = run.cluster.state(number)
        truth = {state, *run.cluster.ends(number)}
        # A job that the queue has forgotten is gone, whatever it was.
        if outcome["state"] not in truth and (outcome["state"], state) != ("GONE", ""):
            words = outcome.get("message", f"job {number} is {truth} to Slurm, and {outcome['state']} to us")
            verdict.wrong.append(words)
        run.process = None
    else:
        verdict.wrong.append(f"not done after {TRIES} commands")
    marker = run.workspace / ".markers" / "train.json"
    weights = run.workspace / "experiment" / "weights"
    made = {path.name: path.read_text() for path in weights.glob("*.pt")}
    wanted = {
        f"yolov4_resnet10_epoch_{epoch:03d}.pt": f"seed 42 epoch {epoch}" for epoch in range(1, EPOCHS + 1)
    }
    if not marker.exists() or made != wanted:
        verdict.wrong.append("what training should leave is not there")
    verdict.traceback = "Traceback" in run.printed
    if verdict.traceback:
        verdict.wrong.append("somebody saw a traceback")
    names = Counter(name for _, name in run.cluster.submitted())
    verdict.jobs = sum(names.values())
    verdict.wrong += [f"{name} was submitted {count} times" for name, count in names.items() if count > 1]


def kill_submitter(run: Run, chance: random.Random) -> None:
    """SIGKILL; somebody gives the command again at once or a little later."""
    if run.process is not None and run.process.poll() is None:
        run.kill()
        time.sleep(chance.choice([0.0, 2.0]))
        submit(run)


def cancel(run: Run, chance: random.Random) -> None:
    """Somebody cancels whatever there is."""
    for number, _, state in run.cluster.jobs():
        if state in ("PENDING", "RUNNING"):
            run.cluster.ask("scancel", number)


def kill_work(run: Run, chance: random.Random) -> None:
    """SIGKILL of one process of the job, whichever."""
    tasks = run.cluster.tasks()
    if tasks:
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(tasks), signal.SIGKILL)


def crash_node(run: Run, chance: random.Random) -> None:
    """A node dies with all that runs on it, and comes back; the controller may be told, or finds out."""
    node = chance.choice(run.cluster.nodes)
    chance.choice([run.cluster.crash_node, run.cluster.fail_node])(node)
    time.sleep(2.0)
    run.cluster.start_node(node)


def kill_controller(run: Run, chance: random.Random) -> None:
    """The controller dies, and comes back."""
    run.cluster.kill_controller()
    time.sleep(chance.choice([0.5, 4.0]))
    run.cluster.start_controller()
    until(lambda: bool(run.cluster.ask("sinfo", "-h")), 60)


def warn(run: Run, chance: random.Random) -> None:
    """As Slurm does ahead of the time limit."""
    for number, _, state in run.cluster.jobs():
        if state == "RUNNING":
            run.cluster.ask("scancel", "--batch", "--signal=USR1", number)


def lose_note(run: Run, chance: random.Random) -> None:
    """A file is lost with which a job or its submitter told the others something."""
    notes = sorted(run.workspace.glob(".jobs/2*/job-*")) + sorted(run.workspace.glob(".jobs/2*/stay-*"))
    if notes:
        chance.choice(notes).unlink(missing_ok=True)


def second_user(run: Run, chance: random.Random) -> None:
    """Somebody else gives the same command in the shared workspace, and gives up after a while."""
    if os.getuid() or python_of(OTHER_USER) is None:
        return
    other = Run(
        run.cluster, run.workspace, platform=run.platform, shared=True, path=run.path, user=OTHER_USER
    )
    submit(other)
    time.sleep(chance.choice([1.0, 6.0]))
    other.kill()


def make_accounting_stale(run: Run, folder: Path) -> None:
    """Accounting says of every job that it runs, as after its database was away."""
    folder.mkdir(parents=True)
    (folder / "sacct").write_text('#!/bin/sh\nwhile [ "$1" != -j ]; do shift; done\necho "$2|RUNNING"\n')
    (folder / "sacct").chmod(0o755)
    run.path = f"{folder}{os.pathsep}{run.path}"


FAULTS = (kill_submitter, cancel, kill_work, crash_node, kill_controller, warn, lose_note, second_user)


def main() -> int:
    """Print a line for each seed, and how many were wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds")
    parser.add_argument("--side-by-side", type=int, default=3, help="clusters at a time")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="faults-") as top:
        Path(top).chmod(0o755)
        with_data = prepare_data(Path(top) / "with-data")

        def one(seed: int) -> Verdict:
            verdict = disturb(seed, with_data, Path(top) / str(seed))
            print(json.dumps(vars(verdict)), flush=True)
            if not verdict.wrong:
                shutil.rmtree(Path(top) / str(seed))
            else:
                shutil.copytree(
                    Path(top) / str(seed), Path(tempfile.gettempdir()) / f"fault-{seed}", dirs_exist_ok=True
                )
            return verdict

        with ThreadPoolExecutor(options.side_by_side) as pool:
            verdicts = list(pool.map(one, range(options.first, options.first + options.seeds)))
    print(summary(verdicts))
    return 1 if any(verdict.wrong for verdict in verdicts) else 0


def summary(verdicts: Sequence[Verdict]) -> str:
    """What a campaign found, in lines."""
    wrong = [verdict.seed for verdict in verdicts if verdict.wrong]
    faults = Counter(fault for verdict in verdicts for fault in verdict.faults)
    said = Counter(words for verdict in verdicts for words in verdict.said)
    untold = Counter(line for verdict in verdicts for line in verdict.untold)
    lines = [
        f"{len(verdicts)} runs, {faults.total()} faults {dict(faults)}",
        f"endings {dict(said)}, {sum(verdict.jobs for verdict in verdicts)} jobs",
        f"tracebacks {sum(verdict.traceback for verdict in verdicts)}, wrong: {wrong or 'none'}",
        f"cannot tell: {untold.total()}",
    ]
    return "\n".join([*lines, *(f"  {count} times: {line}" for line, count in untold.items())])


if __name__ == "__main__":
    sys.exit(main())
