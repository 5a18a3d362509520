"""Records out of logs that others wrote."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.clock import stamp, utc
from harness.errors import ConfigError, DataError
from harness.files import sha256_file
from harness.measure import digest, record_files
from harness.measure.comparability import judge
from harness.measure.record import Record, Run
from harness.settings.variables import Settings
from harness.workspace.marker import DIGEST_SHOWN
from probe.dmon import read_dmon
from probe.errors import ProbeError
from probe.samples import SampleFile

MOST_FAULTS = 20


def import_dmon(path: Path, settings: Settings) -> Path:
    """Make a record of the file at `path` under the platform's name, marked imported; its folder.

    Raises:
        ConfigError: it was imported before.
        DataError: it is not what `nvidia-smi dmon -o TD` writes.
    """
    try:
        log = read_dmon(path)
    except ProbeError as error:
        raise DataError(error.message, remedy=error.remedy) from error
    sha256 = sha256_file(path)
    times_s = [time_s for time_s, _ in log.beats]
    pace_s = max(float(np.median(np.diff([*times_s, times_s[-1] + 1]))), 1.0)  # times are whole seconds
    name = f"{stamp(times_s[0])}-imported-{sha256[:4]}"
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
        started_utc=utc(times_s[0]),
        finished_utc=utc(end_s),
        conditions={},
        machine=None,
        code=None,
        environment={},
        runs=(run,),
        series=digest.series(columns),
        probe=digest.probe(columns, [run], gpu_hz=1 / pace_s, host_hz=1 / pace_s, faults=said),
    )
    record = replace(record, not_comparable=judge(record))
    record_files.begin_record(settings.results, record)
    with SampleFile(folder, names) as samples:
        for time_s, row in zip(times_s, rows, strict=True):
            samples.add(time_s, 0.0, row)
    record_files.close_record(folder, record)
    return folder
