"""Records out of logs that others wrote."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.clock import stamp, utc
from harness.errors import ConfigError
from harness.files import sha256_file
from harness.measure import digest, record_files
from harness.measure.comparability import judge
from harness.measure.probe_command import ask_probe
from harness.measure.record import Record, Run
from harness.settings.variables import Settings
from harness.workspace.marker import DIGEST_SHOWN
from probe.samples import SAMPLES, read_samples

MOST_FAULTS = 20


def import_dmon(path: Path, settings: Settings) -> Path:
    """Make a record of the file at `path` under the platform's name, marked imported; its folder.

    Raises:
        ConfigError: it was imported before.
        DataError: it is not what `nvidia-smi dmon -o TD` writes.
    """
    with tempfile.TemporaryDirectory(prefix="dmon-") as converted:
        said = ask_probe("convert", str(path), converted)["faults"]
        record = _record(path, settings, read_samples(Path(converted)), said)
        folder = settings.results / settings.platform.name / record.id
        if folder.exists():
            raise ConfigError(f"{path} was imported before, as {folder}", remedy="make plots")
        record_files.begin_record(settings.results, record)
        shutil.copyfile(Path(converted, SAMPLES), folder / SAMPLES)
    record_files.close_record(folder, record)
    return folder


def _record(path: Path, settings: Settings, samples: dict[str, digest.Numbers], said: list[str]) -> Record:
    """The record of a log: one run, from its first beat to the end of its last."""
    del samples["late_s"]  # how punctual dmon was is not known
    times_s, sha256 = samples["unix_s"], sha256_file(path)
    pace_s = max(float(np.median(np.diff([*times_s, times_s[-1] + 1]))), 1.0)  # times are whole seconds
    start_s, end_s = float(times_s[0]), float(times_s[-1]) + pace_s
    name = f"{stamp(start_s)}-imported-{sha256[:4]}"
    run = Run(
        number=1,
        started_unix_s=start_s,
        duration_s=end_s - start_s,
        probed=True,
        images=0,
        energy=digest.energy(samples, start_s, end_s),
    )
    more = [f"and {len(said) - MOST_FAULTS} more"] if len(said) > MOST_FAULTS else []
    faults = [*said[:MOST_FAULTS], *more]
    record = Record(
        id=name,
        bench=name,
        platform=settings.platform.name,
        case="imported",
        status="ok",
        source=f"{path.name}, sha256 {sha256[:DIGEST_SHOWN]}",
        started_utc=utc(start_s),
        finished_utc=utc(end_s),
        conditions={},
        machine=None,
        code=None,
        environment={},
        runs=(run,),
        series=digest.series(samples),
        probe=digest.probe(samples, [run], gpu_hz=1 / pace_s, host_hz=1 / pace_s, faults=faults),
    )
    return replace(record, not_comparable=judge(record))
