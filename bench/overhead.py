#!/usr/bin/env python3
"""What the workflow itself costs in CPU time, beside doit, luigi, Snakemake and DVC, in one interleaved run.

    .venv/bin/python bench/overhead.py --peers /path/to/venv/bin/python --json overhead.json

Start it with the Python of the environment that `make` uses. The peers are installed in an environment of
their own (`pip install doit luigi snakemake dvc`); one that is not there is left out. Two questions are
asked:

Nothing to do
    `make all RECIPE=smoke` in a finished workspace, and the same without make, beside nine trivial stages in
    a row (one small file made from the one before) in each peer.

Around engine calls that do nothing
    All nine stages from an archive that is there already. In place of the engine stands a shell script that
    copies what the finished workspace holds: nine calls by six stages. Peers have nine rules whose commands
    are the same calls of the same script. Overhead is CPU time of the whole less that of the calls alone,
    which are run by themselves in every round.

    Download, verify and gen-valid ask no engine: the harness unpacks 24 frames, decodes each, converts the
    labels and links the views in its own process. For a peer those three are three more calls of the script,
    which copies their products; these are taken off as well. The harness's own work is not taken off: it
    counts as overhead, which can only make the harness look worse. So does hashing of products, which
    Snakemake leaves out above 1 MB and DVC does.

CPU time is user and system time of a program and all its descendants, as wait4 gives it: other load on the
machine lengthens it less than it does wall time, though not by nothing, so compare within one run only. What
a program leaves running is not in it; neither are waits for the disk. Ratios are formed round by round. The
first round is not counted.
"""

import argparse
import hashlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from peers import COLD_PEERS, ENGINE_STAGES, OWN_STAGES, PEERS, SPLITS, TRIVIAL, Stage, write_project

CHECKOUT = Path(__file__).resolve().parent.parent
HARNESS = "python -m harness all"

STUB = """#!/bin/sh
# Stands in for yolo_v4: copies what an earlier run left for this call, and does nothing else.
call=$1
while [ $# -gt 0 ]; do
  case $1 in -r | --results_dir) results=$2 ;; -o) output=$2 ;; esac
  shift
done
target=$results
case $call in
  dataset_convert) call=$call-${output##*/} target=${output%/*} ;;
  export) target=${output%/*} ;;
esac
mkdir -p "$results" "$target"
cp "RECORDED/$call.json" "$results/status.json"
cp -R "RECORDED/$call/." "$target"
"""


# Call of the stub -> what it copies, from where in the finished workspace.
COPIED: dict[str, dict[str, str]] = {
    "download": {name: f"data/.frames/{name}" for name in ("images", "labels_raw")},
    "verify": {"labels": "data/.frames/labels"},
    "gen-valid": {
        f"{part}/{what}": f"data/{part}/{what}" for part in SPLITS[:2] for what in ("images", "labels")
    },
    "kmeans": {},
    **{f"dataset_convert-{split}": {".": f"data/{split}/tfrecords"} for split in SPLITS},
    "train": {
        name: f"experiment/{name}"
        for name in ("weights", "yolov4_training_log_resnet10.csv", "model_output_labels.txt")
    },
    "evaluate": {"detections.jsonl": "experiment/detections.jsonl"},
    "inference": {name: f"experiment/visualisations/{name}" for name in ("images_annotated", "labels")},
    "export": {".": "experiment/export"},
}

DATASET = """name = "archived"
title = "the frames of the smoke recipe"
address = "file:{archive}"
sha256 = "{sha256}"
archive = "{archive}"
classes = ["person", "bicycle", "car", "motorbike", "bus", "truck"]
width_px = 352
height_px = 288
[split]
test_frames = 6
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A program that is measured, and what is done before each start of it."""

    name: str
    argv: tuple[str, ...]
    folder: Path
    prepare: Callable[[], None] = lambda: None


class Bench:
    """Folders, programs and environment of one run."""

    def __init__(self, root: Path, peers: Path | None, finished: Path | None) -> None:
        self.root, self.peers = root, peers
        ours = {
            name: text
            for name, text in os.environ.items()
            if not name.startswith(("JAMCAM_", "LUIGI_", "MAKE"))
        }
        self.environment = {
            **ours,
            "PATH": f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
        }
        self.versions = {peer: found for peer in PEERS if (found := self._version(peer))}
        self.finished = finished or root / "finished"
        self.make = ("make", "all", "RECIPE=smoke", f"WORKSPACE={self.finished}")
        print(f"making sure that {self.finished} is finished; a new one takes a minute or two", flush=True)
        self.cpu_s(self.make, CHECKOUT)
        self._record()

    def cpu_s(self, argv: Sequence[str | Path], folder: Path) -> float:
        """User and system time of `argv` and its descendants, in seconds; exits where the command fails."""
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(argv, cwd=folder, env=self.environment, stdout=log, stderr=log)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                log.seek(0)
                words = log.read().decode(errors="replace")[-3000:]
                sys.exit(f"{' '.join(map(str, argv))} in {folder} ended with {process.returncode}:\n{words}")
        return usage.ru_utime + usage.ru_stime

    def idle_cases(self) -> list[Case]:
        """Programs that find nothing to do."""
        options = ("--recipe=smoke", f"--workspace={self.finished}")
        cases = [
            Case(name="make all", argv=self.make, folder=CHECKOUT),
            Case(name=HARNESS, argv=(sys.executable, "-m", "harness", "all", *options), folder=CHECKOUT),
        ]
        for peer in self.versions:
            folder = self.root / "idle" / peer
            self._begin(peer, folder, TRIVIAL)
            cases.append(Case(name=peer, argv=(str(self.peers), *PEERS[peer]), folder=folder))
        return cases

    def cold_cases(self) -> list[Case]:
        """Programs that run all nine stages around the stub."""
        workspace, dataset = self.root / "workspace", self.root / "archived.toml"
        options = ("--recipe=smoke", f"--dataset={dataset}", "--engine=here", f"--workspace={workspace}")
        argv = (sys.executable, "-m", "harness", "all", *options)
        cases = [
            Case(name=HARNESS, argv=argv, folder=CHECKOUT, prepare=lambda: self._bring_archive(workspace))
        ]
        for peer in [peer for peer in COLD_PEERS if peer in self.versions]:
            folder = self.root / "cold" / peer

            def prepare(peer: str = peer, folder: Path = folder) -> None:
                self._begin(peer, folder, OWN_STAGES + ENGINE_STAGES)

            command = (str(self.peers), *PEERS[peer])
            cases.append(Case(name=peer, argv=command, folder=folder, prepare=prepare))
        return cases

    def stub_cpu_s(self, stages: Sequence[Stage]) -> float:
        """CPU time of the stub's calls alone, in seconds."""
        folder = self.root / "alone"
        folder.mkdir(exist_ok=True)
        commands = [command.split() for stage in stages for command in stage.commands]
        return sum(self.cpu_s([self.root / "bin" / words[0], *words[1:]], folder) for words in commands)

    def _version(self, peer: str) -> str:
        code = f"import importlib.metadata as m; print(m.version({peer!r}))"
        if self.peers is None:
            return ""
        answer = subprocess.run([self.peers, "-c", code], capture_output=True, text=True, check=False)
        print(
            f"{peer} {answer.stdout.strip()}" if answer.stdout else f"{peer} is not there and left out",
            flush=True,
        )
        return answer.stdout.strip()

    def _begin(self, peer: str, folder: Path, stages: Sequence[Stage]) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        write_project(peer, folder, stages)
        if peer == "dvc":
            self.cpu_s([str(self.peers), "-m", "dvc", "init", "--no-scm", "--quiet"], folder)

    def _bring_archive(self, workspace: Path) -> None:
        shutil.rmtree(workspace, ignore_errors=True)
        (workspace / "data").mkdir(parents=True)
        shutil.copy(self.finished / "data" / "smoke.zip", workspace / "data")

    def _record(self) -> None:
        """Put the stub on PATH, and beside it what each of its calls copies."""
        recorded, stub = self.root / "recorded", self.root / "bin" / "yolo_v4"
        scores = json.loads((self.finished / "experiment" / "metrics.json").read_text())
        anchors = json.loads((self.finished / "experiment" / "anchors.json").read_text())
        found = {"anchors": str([tuple(anchor) for group in anchors.values() for anchor in group])}
        kpi = {"kmeans": found, "evaluate": {**scores, "mAP": scores["mAP_tao"]}}
        for call, sources in COPIED.items():
            (recorded / call).mkdir(parents=True)
            (recorded / f"{call}.json").write_text(
                json.dumps({"status": "SUCCESS", "kpi": kpi.get(call, {})}) + "\n"
            )
            for name, place in sources.items():
                source, copy = self.finished / place, recorded / call / name
                shutil.copytree(source, copy, dirs_exist_ok=True) if source.is_dir() else shutil.copy(
                    source, copy
                )
        stub.parent.mkdir()
        stub.write_text(STUB.replace("RECORDED", str(recorded)))
        stub.chmod(0o755)
        archive = self.finished / "data" / "smoke.zip"
        sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
        (self.root / "archived.toml").write_text(DATASET.format(archive=archive.name, sha256=sha256))


def measure(bench: Bench, rounds: int) -> dict[str, dict[str, list[float]]]:
    """CPU seconds a round of each case, by question; the order is turned round in every other round."""
    idle, cold = bench.idle_cases(), bench.cold_cases()
    for case in idle:
        bench.cpu_s(case.argv, case.folder)  # the trivial stages are made
    nothing: dict[str, list[float]] = {case.name: [] for case in idle}
    around: dict[str, list[float]] = {case.name: [] for case in cold}
    around["stub, 9 calls"], around["stub, 12 calls"] = [], []
    for number in range(rounds + 1):
        for cases, times in ((idle, nothing), (cold, around)):
            for case in cases[:: -1 if number % 2 else 1]:
                case.prepare()
                times[case.name].append(bench.cpu_s(case.argv, case.folder))
        own, engine = bench.stub_cpu_s(OWN_STAGES), bench.stub_cpu_s(ENGINE_STAGES)
        around["stub, 9 calls"].append(engine)
        around["stub, 12 calls"].append(own + engine)
        print(f"round {number} of {rounds}{'' if number else ' (not counted)'}", flush=True)
    counted = {"nothing to do": nothing, "around the stub, in all": around}
    return {title: {name: found[1:] for name, found in times.items()} for title, times in counted.items()}


def overhead(around: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """CPU seconds of each workflow less those of the calls it made, round by round."""
    found = {}
    for name in [name for name in around if not name.startswith("stub")]:
        calls = around["stub, 9 calls" if name == HARNESS else "stub, 12 calls"]
        found[name] = [whole - alone for whole, alone in zip(around[name], calls, strict=True)]
    return found


def table(title: str, times: Mapping[str, Sequence[float]]) -> str:
    """Medians with least and most, in seconds; the first row over each other row, round by round."""
    first = next(iter(times))
    lines = [
        f"\n{title} (CPU s)".ljust(42) + f"{'median':>8}{'min':>8}{'max':>8}   {first} is this many times it"
    ]
    for name, found in times.items():
        ratios = [ours / theirs for ours, theirs in zip(times[first], found, strict=True)]
        spread = f"{statistics.median(ratios):8.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        figures = "".join(f"{figure:8.3f}" for figure in (statistics.median(found), min(found), max(found)))
        lines.append(f"  {name:<39}{figures}   {spread if name != first else ''}".rstrip())
    return "\n".join(lines)


def main() -> None:
    """Measure, print the tables, and keep every figure where `--json` says."""
    words = __doc__ or ""
    parser = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="rounds that count (10)")
    parser.add_argument(
        "--peers", type=Path, metavar="PYTHON", help="a Python that has doit, luigi, snakemake, dvc"
    )
    parser.add_argument(
        "--finished", type=Path, metavar="WORKSPACE", help="finished by `make all RECIPE=smoke`"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to keep every figure")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="overhead-") as folder:
        finished = options.finished and options.finished.absolute()
        bench = Bench(Path(folder), options.peers and options.peers.absolute(), finished)
        times = measure(bench, options.rounds)
    times["around the stub, overhead"] = overhead(times["around the stub, in all"])
    for title, found in times.items():
        print(table(title, found))
    if options.json:
        told = {"python": platform.python_version(), "versions": bench.versions, "cpu_s": times}
        options.json.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
