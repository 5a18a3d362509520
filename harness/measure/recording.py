"""A record that is being made: begun, measured run by run, closed."""

import contextlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.clock import stamp, utc
from harness.measure import digest, record_files
from harness.measure.bottleneck import judge_training
from harness.measure.comparability import judge
from harness.measure.energy import energies
from harness.measure.record import TRAINING, Condition, Measurement, Record, Run, total_j
from harness.measure.sampling import watched
from harness.settings.variables import Settings
from probe.samples import read_samples


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What a run did: its measurements, the number of frames it worked on, and its phases."""

    measurements: tuple[Measurement, ...]
    phases: tuple[Mapping[str, Any], ...] = ()
    images: int = 0
    warm_up_steps: int = 0
    conditions: Mapping[str, Condition] = field(default_factory=dict)  # those that are known only now
    facts: Mapping[str, Condition] = field(default_factory=dict)  # that the engine tells


@dataclass(kw_only=True)
class Recording:
    """A record under way; `begin` makes its folder, `close` ends it."""

    record: Record
    folder: Path
    settings: Settings

    @classmethod
    def begin(cls, record: Record, settings: Settings) -> "Recording":
        """Fill in id and start, and make the folder."""
        now_s = time.time()
        name = f"{stamp(now_s)}-{record.case}-{secrets.token_hex(2)}"
        record = replace(record, id=name, started_utc=utc(now_s))
        folder = record_files.begin_record(settings.results, record)
        return cls(record=record, folder=folder, settings=settings)

    def measure(self, work: Callable[[], Work], *, probed: bool = True, least_s: float = 0.0) -> Run:
        """Run `work` once, or again until it has lasted long enough to be watched, and keep what it measured.

        Args:
            work: what to run.
            probed: whether the sampler watches it.
            least_s: how long the run lasts at least.

        Raises:
            HarnessError: it failed; earlier runs are kept.
        """
        rates = {"gpu_hz": self.settings.gpu_hz, "host_hz": self.settings.host_hz}
        with watched(self.folder, **rates) if probed else contextlib.nullcontext():
            started_s, clock_s = time.time(), time.monotonic()
            done = _repeated(work, least_s)
            duration_s = time.monotonic() - clock_s
        samples = read_samples(self.folder) if probed else {}
        span = (started_s, started_s + duration_s)
        inside = digest.between(samples, *span)
        energy = energies(samples, [span], **rates, used=digest.used_gpus(inside)) if probed else ()
        gpus_j = total_j(energy, "gpu")
        per_j = done.images / gpus_j if gpus_j else 0
        more = [Measurement(name="images_per_j", values=(per_j,))] if per_j else []
        run = Run(
            number=len(self.record.runs) + 1,
            started_unix_s=round(started_s, 3),
            duration_s=round(duration_s, 3),
            probed=probed,
            images=done.images,
            warm_up_steps=done.warm_up_steps,
            measurements=(*done.measurements, *more),
            energy=energy,
        )
        record_files.add_run(self.folder, run, [{"run": run.number, **phase} for phase in done.phases])
        conditions = {**self.record.conditions, **done.conditions}
        facts = {**self.record.facts, **done.facts}
        runs = (*self.record.runs, run)
        self.record = replace(self.record, runs=runs, conditions=conditions, facts=facts)
        return run

    def close(self, status: str = "ok", reason: str = "") -> Record:
        """Write record.json, with samples and phases in short, and why the record must not be compared."""
        samples, phases = read_samples(self.folder), record_files.read_phases(self.folder)
        faults = record_files.read_faults(self.folder)
        rates = {"gpu_hz": self.settings.gpu_hz, "host_hz": self.settings.host_hz}
        probe = None
        if samples or faults:
            probe = digest.probe(samples, self.record.runs, **rates, faults=faults)
        record = replace(
            self.record,
            status=status,
            reason=reason,
            finished_utc=utc(time.time()),
            series=digest.series(samples),
            phases=digest.phase_summaries(phases, samples, **rates),
            probe=probe,
            observed=digest.observed(samples),
        )
        verdict = judge_training(record, phases) if record.case in TRAINING else None
        self.record = replace(record, verdict=verdict, not_comparable=judge(record))
        record_files.close_record(self.folder, self.record)
        return self.record


def _repeated(work: Callable[[], Work], least_s: float) -> Work:
    """All of it together; a measurement has a value of each time."""
    began_s = time.monotonic()
    done = [work()]
    while time.monotonic() - began_s < least_s:
        done.append(work())
    values: dict[tuple[str, str], tuple[float | None, ...]] = {}
    for one in (measurement for each in done for measurement in each.measurements):
        values[one.name, one.of] = (*values.get((one.name, one.of), ()), *one.values)
    return replace(
        done[-1],
        measurements=tuple(Measurement(name=name, of=of, values=all_) for (name, of), all_ in values.items()),
        phases=tuple(phase for each in done for phase in each.phases),
        images=sum(each.images for each in done),
        warm_up_steps=sum(each.warm_up_steps for each in done),
    )
