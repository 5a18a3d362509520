"""What of a record is compared: measurements, peak memory and energy, one value for each run."""

import re
from collections.abc import Sequence

from harness.measure.record import Record, Run, repeats

FULL_COVERAGE_PCT = 95.0  # of a run's time: below it the energy of the run is not known
PEAK_MEMORY, ENERGY = "peak_memory_bytes", "energy_j"
PEAKS = {"processes": r"tree_rss_bytes", "gpu": r"gpu\d+_memory_used_bytes"}  # columns of the samples
Values = tuple[tuple[float, ...], ...]  # of each session, one value a run


def quantities(records: Sequence[Record]) -> list[tuple[str, str]]:
    """(name, part) of all that any of the records measured, without courses over epochs."""
    measured = {
        (one.name, one.of): None
        for record in records
        for run in record.runs
        for one in run.measurements
        if not one.name.startswith("epoch_")
    }
    more = [(PEAK_MEMORY, of) for of in PEAKS] + [(ENERGY, kind) for kind in ("gpu", "cpu")]
    return [(name, of) for name, of in (*measured, *more) if values(records, name, of)]


def values(records: Sequence[Record], name: str, of: str) -> Values:
    """Of each record that measured it, a session, one value for each run; peak memory has one of all runs."""
    sessions = (_of_session(record, name, of) for record in records)
    return tuple(tuple(session) for session in sessions if session)


def _of_session(record: Record, name: str, of: str) -> list[float]:
    if name == PEAK_MEMORY:
        peaks = [one.high for one in record.series if re.fullmatch(PEAKS[of], one.metric)]
        return [sum(peak for peak in peaks if peak is not None)] if any(peaks) else []
    if name == ENERGY:
        energies = (_energy_j(run, of) for run in record.runs)
        return [energy_j for energy_j in energies if energy_j is not None]
    return repeats(record, name, of=of)


def _energy_j(run: Run, kind: str) -> float | None:
    """Energy of all devices of a kind; None unless it is known of each of them."""
    devices = [one for one in run.energy if one.device.startswith(kind)]
    known = [
        one.energy_j for one in devices if one.coverage_pct >= FULL_COVERAGE_PCT and one.energy_j is not None
    ]
    return sum(known) if devices and len(known) == len(devices) else None
