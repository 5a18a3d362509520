"""The micro part of a bench: pytest-benchmark times single operations of our engine and of the sampler."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

from harness.engine.find import resolve
from harness.errors import HarnessError
from harness.files import write_json, write_text
from harness.measure.record import Measurement
from harness.measure.record_files import MICRO
from harness.measure.recording import Work
from harness.own_files import install_command, own
from harness.settings.variables import Settings
from harness.stages.experiment import Experiment
from harness.workspace.layout import Workspace

NEEDED = {"pytest_benchmark": "bench", "torch": "detector"}


def missing(settings: Settings) -> str:
    """Why it cannot be done, in words; "" where it can."""
    engine = resolve(settings)
    if engine.identity.name != "portable":
        return f"it measures the portable engine, and this one is {engine.identity.name}"
    absent = [extra for module, extra in NEEDED.items() if importlib.util.find_spec(module) is None]
    return f"it needs: {install_command(','.join(sorted(absent)))}" if absent else ""


def run(settings: Settings, folder: Path) -> Work:
    """Time everything in `bench/` with the trained model of the workspace; the figures go to `folder`.

    Raises:
        HarnessError: pytest did not end with 0.
    """
    workspace = Workspace(settings.workspace)
    spec, raw = workspace.root / "micro.txt", workspace.root / MICRO
    experiment = Experiment(settings)
    write_text(spec, experiment.filled(workspace=str(workspace.root), validation="test"))
    names = {"BENCH_SPEC": str(spec), "BENCH_MODEL": str(experiment.trained_model(resolve(settings)))}
    names["BENCH_NUMBERS"] = settings.numbers
    plugins = ["-p", "no:cacheprovider", "-p", "no:xdist"]
    options = ["-q", *plugins, f"--benchmark-json={raw}", "--benchmark-quiet"]
    bench = own("bench")
    argv = [sys.executable, "-m", "pytest", str(bench), *options]
    # Options of a pytest around this one, or those that a person always uses, are not for these.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment = {**inherited, **names}
    done = subprocess.run(
        argv, cwd=bench.parent, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        variables = " ".join(f"{name}={value}" for name, value in names.items())
        raise HarnessError(
            f"the micro part ended with status {done.returncode}:\n{done.stdout[-2000:]}",
            remedy=f"run it alone: {variables} pytest bench",
        )
    table = json.loads(raw.read_text())
    # Records are published, and the host's name and the branch are private.
    table["machine_info"].pop("node", None)
    table["commit_info"] = {}
    write_json(folder / MICRO, table)
    times_s = {each["name"].removeprefix("test_"): each["stats"]["data"] for each in table["benchmarks"]}
    measurements = [Measurement(name="micro_s", of=of, values=tuple(times_s[of])) for of in times_s]
    return Work(measurements=tuple(measurements))
