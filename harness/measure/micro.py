"""The micro part of a bench: single operations of the portable engine and the sampler, timed by pytest-benchmark."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

from harness.code_version import CHECKOUT
from harness.engine.find import resolve
from harness.errors import HarnessError
from harness.files import write_json, write_text
from harness.measure.record import Measurement
from harness.measure.record_files import MICRO
from harness.measure.recording import Work
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
    return f"it needs: pip install -e '.[{','.join(sorted(absent))}]'" if absent else ""


def run(settings: Settings, folder: Path) -> Work:
    """Time everything in `bench/` with the trained model of the bench's workspace; the figures go to `folder`.

    Raises:
        HarnessError: something in there failed.
    """
    workspace = Workspace(settings.workspace)
    spec, raw = workspace.root / "micro.txt", workspace.root / MICRO
    experiment = Experiment(settings)
    write_text(spec, experiment.filled(workspace=str(workspace.root), validation="test"))
    names = {"BENCH_SPEC": str(spec), "BENCH_MODEL": str(experiment.trained_model(resolve(settings)))}
    names["BENCH_MIXED_PRECISION"] = str(int(settings.recipe.mixed_precision))
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", f"--benchmark-json={raw}", "--benchmark-quiet"]
    argv = [sys.executable, "-m", "pytest", str(CHECKOUT / "bench"), *options]
    # Settings of a pytest that we may be running in, or options a person always uses, are not for these.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    answer = subprocess.run(argv, cwd=CHECKOUT, env={**inherited, **names}, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise HarnessError(
            f"the micro part ended with status {answer.returncode}:\n{answer.stdout[-2000:]}",
            remedy=f"run it alone: {' '.join(f'{name}={value}' for name, value in names.items())} pytest bench",
        )
    table = json.loads(raw.read_text())
    # The host's name and the branch are nobody's business.
    table["machine_info"].pop("node", None)
    table["commit_info"] = {}
    write_json(folder / MICRO, table)
    timed = [(each["name"].removeprefix("test_"), each["stats"]["data"]) for each in table["benchmarks"]]
    return Work(measurements=tuple(Measurement(name="micro_s", of=of, values=tuple(data)) for of, data in timed))
