"""Records out of logs that others wrote."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np

from harness.domain.comparability import faults
from harness.domain.record import Record, Run
from harness.domain.settings import Settings
from harness.domain.stage import DIGEST_SHOWN
from harness.errors import ConfigError
from harness.files import sha256_file
from harness.report import digest
from harness.store import records
from harness.store.dmon import read_dmon

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
    begun = datetime.fromtimestamp(times_s[0], timezone.utc)
    name = f"{begun:%Y%m%dT%H%M%SZ}-imported-{sha256[:4]}"
    folder = settings.results / settings.platform.name / name
    if folder.exists():
        raise ConfigError(f"{path} was imported before, as {folder}", remedy="make plots")
    record = Record(
        id=name,
        bench=name,
        platform=settings.platform.name,
        case="imported",
        status="ok",
        source=f"{path.name}, sha256 {sha256[:DIGEST_SHOWN]}",
        started_utc=f"{begun:%Y-%m-%dT%H:%M:%SZ}",
        finished_utc=None,
        conditions={},
        machine=None,
        code=None,
        environment={},
    )
    records.begin(settings.results, record)
    names = sorted({column for _, values in log.beats for column in values})
    with records.SampleFile(folder, names) as samples:
        for time_s, values in log.beats:
            samples.add(time_s, 0.0, [values.get(column) for column in names])
    duration_s = times_s[-1] - times_s[0] + pace_s
    columns = records.read_samples(folder)
    run = Run(
        number=1,
        started_unix_s=times_s[0],
        duration_s=duration_s,
        probed=True,
        images=0,
        energy=digest.energy(columns, times_s[0], times_s[0] + duration_s),
    )
    more = len(log.faults) - MOST_FAULTS
    said = [*log.faults[:MOST_FAULTS], *([f"and {more} more"] if more > 0 else [])]
    whole = replace(
        record,
        finished_utc=f"{begun + timedelta(seconds=duration_s):%Y-%m-%dT%H:%M:%SZ}",
        runs=(run,),
        series=digest.series(columns),
        probe=digest.probe(columns, [run], gpu_hz=1 / pace_s, host_hz=1 / pace_s, faults=said),
    )
    records.close(folder, replace(whole, not_comparable=faults(whole)))
    return folder
