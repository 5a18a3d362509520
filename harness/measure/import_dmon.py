"""Records out of logs that others wrote."""

import re
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from harness.errors import ConfigError
from harness.files import sha256_file
from harness.measure import digest
from harness.measure import record_files as records
from harness.measure.comparability import faults
from harness.measure.record import Record, Run
from harness.settings.variables import Settings
from harness.store.dmon import read_dmon
from harness.workspace.marker import DIGEST_SHOWN

MOST_FAULTS = 20


def import_dmon(path: Path, settings: Settings) -> Path:
    """Make a record of the file at `path` under the platform's name, marked imported; its folder.

    Raises:
        ConfigError: it was imported before.
        DataError: it is not what `nvidia-smi dmon -o TD` writes.
    """
    log, sha256 = read_dmon(path), sha256_file(path)
    times_s = [time_s for time_s, _ in log.beats]
    pace_s = max(float(np.median(np.diff([*times_s, times_s[-1] + 1]))), 1.0)  # times are whole seconds
    name = f"{re.sub('[-:]', '', _utc(times_s[0]))}-imported-{sha256[:4]}"
    folder = settings.results / settings.platform.name / name
    if folder.exists():
        raise ConfigError(f"{path} was imported before, as {folder}", remedy="make plots")
    names = sorted({column for _, values in log.beats for column in values})
    rows = [[values.get(name) for name in names] for _, values in log.beats]
    columns = {"unix_s": np.array(times_s), **dict(zip(names, np.array(rows, dtype=float).T, strict=True))}
    end_s = times_s[-1] + pace_s
    run = Run(
        number=1,
        started_unix_s=times_s[0],
        duration_s=end_s - times_s[0],
        probed=True,
        images=0,
        energy=digest.energy(columns, times_s[0], end_s),
    )
    more = [f"and {len(log.faults) - MOST_FAULTS} more"] if len(log.faults) > MOST_FAULTS else []
    said = [*log.faults[:MOST_FAULTS], *more]
    record = Record(
        id=name,
        bench=name,
        platform=settings.platform.name,
        case="imported",
        status="ok",
        source=f"{path.name}, sha256 {sha256[:DIGEST_SHOWN]}",
        started_utc=_utc(times_s[0]),
        finished_utc=_utc(end_s),
        conditions={},
        machine=None,
        code=None,
        environment={},
        runs=(run,),
        series=digest.series(columns),
        probe=digest.probe(columns, [run], gpu_hz=1 / pace_s, host_hz=1 / pace_s, faults=said),
    )
    record = replace(record, not_comparable=faults(record))
    records.begin(settings.results, record)
    with records.SampleFile(folder, names) as samples:
        for time_s, row in zip(times_s, rows, strict=True):
            samples.add(time_s, 0.0, row)
    records.close(folder, record)
    return folder


def _utc(unix_s: float) -> str:
    return f"{datetime.fromtimestamp(unix_s, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
