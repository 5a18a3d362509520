"""What a reproduction would be like on this machine, told before it begins."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness import __version__
from harness.code_version import SOURCES, code_version
from harness.engine.answers import read_status
from harness.engine.find import in_image, python_environment, resolve
from harness.packages import installed
from harness.reproduce.exact import ExactPlan
from harness.reproduce.source import NUMERICS, Run, Value
from harness.settings.numbers import AUTO
from harness.settings.platform import goes_to_queue
from harness.settings.variables import Settings
from harness.stages.experiment import Experiment
from harness.workspace.marker import digest_of

THREADS, MOST_THREADS = "OMP_NUM_THREADS", 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Computing:
    """What the engine would compute with here; both are empty where only engine or node could tell."""

    numerics: Mapping[str, Any] = field(default_factory=dict)  # the numerics class, with fp32
    # What can be asked for -> the class of a training in it.
    formats: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def lacks(self, numbers: str) -> bool:
        """Whether it is known that convolutions cannot compute in the format that is asked for."""
        return bool(self.formats) and numbers not in (AUTO, *self.formats)

    def with_numbers(self, numbers: str) -> dict[str, Any]:
        """The numerics class of a training for which that is asked; of auto, as far as all formats agree."""
        if not self.numerics:
            return {}
        classes = [one for name, one in self.formats.items() if numbers in (AUTO, name)]
        agreed = {name: {one.get(name) for one in classes} for name in (*self.numerics, "number_format")}
        return {name: values.pop() if len(values) == 1 else None for name, values in agreed.items()}


def foretell(there: Run, chosen: Settings, plan: ExactPlan | None, computing: Computing) -> Run:
    """The run that `chosen` would make here, as far as it is known; what it will make is taken from `there`.

    Args:
        plan: of the sources and packages that will be taken, where these are those of then.
    """
    identity, version = resolve(chosen).identity, code_version(SOURCES)
    numerics = computing.with_numbers(chosen.numbers)
    facts: dict[str, Value] = {
        **there.facts,
        **{name: numerics.get(name) for name in NUMERICS},
        "runtime": _runtime(there),
        "engine": identity.name,
        "image_sha256": identity.image_digest,
        "spec_sha256": digest_of(Experiment(chosen).template),
        "python": ".".join(map(str, sys.version_info[:3])),
    }
    if plan:
        facts |= {"commit": plan.commit, "sources_changed": False}
    else:
        changed = bool(version.changed) or (None if version.doubt else False)
        facts |= {"commit": version.commit, "sources_changed": changed}
        facts |= {"engine_version": identity.version, "harness_version": __version__}
    packages = {**installed(), **(plan.versions if plan else {})}
    return replace(there, facts=facts, packages=packages if there.packages else {})


def _runtime(there: Run) -> Value:
    """What will compute in the stages that choose it: the rule looks at what will be the same, so the same.

    An engine that did not tell it yet had another rule.
    """
    told = any("runtime" in each for marker in there.markers.values() for each in marker.numerics)
    return there.facts.get("runtime") if told or not there.markers else None


def threads_of(there: Run) -> dict[str, str]:
    """The variable for as many threads as then, unless the user has set it: they decide the order of sums."""
    threads = there.facts.get("threads")
    is_known = isinstance(threads, int) and 0 < threads <= MOST_THREADS and THREADS not in os.environ
    return {THREADS: str(threads)} if is_known else {}


def ask_computing(chosen: Settings, python: str, there: Run) -> Computing:
    """What `python`, which will run it, computes with."""
    is_ours = resolve(chosen).identity.name == "portable" and not in_image(chosen)
    if not is_ours or goes_to_queue(chosen.platform, os.environ):
        return Computing()
    with tempfile.TemporaryDirectory(prefix="numerics-") as folder:
        environment = {**python_environment("yolo_v4"), **threads_of(there)}
        argv = [python, "-m", "yolo_v4", "numerics", "-r", folder]
        subprocess.run(argv, env=environment, capture_output=True, check=False)
        entries = read_status(Path(folder))
    told = entries[-1] if entries else {}
    numerics, formats = told.get("numerics"), told.get("number_formats")
    if not isinstance(numerics, Mapping) or not isinstance(formats, Mapping):
        return Computing()
    # An earlier engine told the format alone, and classes that differed by nothing else.
    classes = {
        name: one if isinstance(one, Mapping) else {**numerics, "number_format": one}
        for name, one in formats.items()
    }
    return Computing(numerics=numerics, formats=classes)
