"""Records out of logs that others wrote."""

import contextlib
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.clock import stamp, utc
from harness.errors import ConfigError, DataError
from harness.files import make_durable, remove
from harness.measure import digest, record_files
from harness.measure.comparability import judge
from harness.measure.energy import energies
from harness.measure.probe_command import ask_probe
from harness.measure.record import Record, Run
from harness.own_files import command
from harness.settings.variables import Settings
from harness.text import one_line, shortened
from harness.workspace.marker import DIGEST_SHOWN
from probe.samples import SAMPLES, read_samples

MOST_FAULTS = 20


def import_dmon(path: Path, settings: Settings) -> tuple[Path, ...]:
    """Make a record of each log in a file or pipe under the platform's name, marked imported; their folders.

    A file holds several logs where several hosts or jobs wrote it. `-` is standard input.

    Raises:
        ConfigError: it was imported before.
        DataError: it cannot be read, or is not what `nvidia-smi dmon -o TD` writes.
    """
    with tempfile.TemporaryDirectory(prefix="dmon-") as converted:
        told = _converted(path, converted)
        records = [_record(told, place, settings) for place in range(len(told["parts"]))]
        records = [replace(record, bench=records[0].id) for record in records]
        folders = tuple(settings.results / record.platform / record.id for record in records)
        # One without record.json was cut short, and is made again.
        done = {folder for folder in folders if (folder / record_files.RECORD).exists()}
        if len(done) == len(folders):
            before = shortened([str(folder) for folder in folders])
            raise ConfigError(f"{path} was imported before, as {before}", remedy=command("plots"))
        for part, record, folder in zip(told["parts"], records, folders, strict=True):
            if folder not in done:
                remove(folder)
                record_files.begin_record(settings.results, record)
                shutil.copyfile(Path(part["folder"], SAMPLES), folder / SAMPLES)
                make_durable(folder / SAMPLES)
                record_files.close_record(folder, record)
    return folders


def _converted(path: Path, folder: str) -> dict[str, Any]:
    """What the probe tells of the file: its name and sha256, and the logs in it.

    A pipe is read by the probe alone, as its standard input: what was read once is gone.
    """
    if path.is_file():
        return dict(ask_probe("convert", str(path), folder))
    with contextlib.ExitStack() as opened:
        try:
            stream = sys.stdin.buffer if str(path) == "-" else opened.enter_context(path.open("rb"))
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}", remedy="correct the path") from error
        return dict(ask_probe("convert", "-", folder, stdin=stream))


def _record(told: Mapping[str, Any], place: int, settings: Settings) -> Record:
    """The record of one log: one run, from its first beat to the end of its last."""
    part = told["parts"][place]
    samples = read_samples(Path(part["folder"]))
    del samples["late_s"]  # how punctual dmon was is not known
    times_s = samples["unix_s"]
    pace_s = max(float(np.median(np.diff([*times_s, times_s[-1] + 1]))), 1.0)  # times are whole seconds
    start_s, end_s = float(times_s[0]), float(times_s[-1]) + pace_s
    run = Run(
        number=1,
        started_unix_s=start_s,
        duration_s=end_s - start_s,
        probed=True,
        images=0,
        energy=energies(samples, [(start_s, end_s)], gpu_hz=1 / pace_s, host_hz=1 / pace_s),
    )
    more = [f"and {len(part['faults']) - MOST_FAULTS} more"] if len(part["faults"]) > MOST_FAULTS else []
    faults = [*part["faults"][:MOST_FAULTS], *more]
    name = _record_id(told, place, start_s)
    record = Record(
        id=name,
        bench=name,
        platform=settings.platform.name,
        case="imported",
        status="ok",
        source=_source(told, place),
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


def _record_id(told: Mapping[str, Any], place: int, start_s: float) -> str:
    """Four digits of the file's digest; of its digest and the place, where it holds several logs."""
    digits: str = told["sha256"]
    if len(told["parts"]) > 1:
        digits = hashlib.sha256(f"{digits} {place}".encode()).hexdigest()
    return f"{stamp(start_s)}-imported-{digits[:4]}"


def _source(told: Mapping[str, Any], place: int) -> str:
    """`dmon.txt, sha256 0123456789ab, log 2 of 4, task 1 of srun`."""
    task, of_all = told["parts"][place]["task"], len(told["parts"])
    which = [f"log {place + 1} of {of_all}"] if of_all > 1 else []
    which += [f"task {task} of srun"] if task else []
    return ", ".join([one_line(told["name"]), f"sha256 {told['sha256'][:DIGEST_SHOWN]}", *which])
