"""What was spent: hours of GPUs and cores, of waiting, of failed tries; energy; and what of it is not known.

A sum of which a part is not known is a lower bound, and says so; what nobody told is never 0.
Energy is that which devices told, over the time for which they did; only where none told any it is a declared
power times the time. Carbon dioxide follows from a factor that the user gives, and from nothing else.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from harness.measure.record import Energy, total_j

H_S, KWH_J = 3600.0, 3.6e6


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """One thing that took a machine: a try of a stage, a job's stay on its nodes, or the runs of a record."""

    what: str
    fate: str  # ok, failed, interrupted, truncated ...
    duration_s: float | None  # None: not recorded
    gpus: float | None  # over all machines; None: not recorded
    cores: float | None
    machines: float | None = 1.0
    queue_s: float | None = 0.0
    staging_s: float | None = 0.0
    lost_s: float | None = 0.0  # of `duration_s`: work that had to be done again, or came to nothing
    is_cut: bool = False  # nobody noted its end: it lasted longer than `duration_s`
    energies: tuple[tuple[float, tuple[Energy, ...]], ...] = ()  # of each run: its seconds, what devices told


@dataclass(frozen=True, kw_only=True, slots=True)
class Amount:
    """A sum, of which `unknown` of `count` parts are not known, or not to their end."""

    value: float
    unknown: int
    count: int

    @property
    def is_known(self) -> bool:
        """Whether any part of it is, or there is nothing to know."""
        return self.unknown < self.count or self.value > 0 or not self.count


@dataclass(frozen=True, kw_only=True, slots=True)
class EnergyUsed:
    """Energy in kWh; `source` is measured, declared or "" (not known)."""

    kwh: float | None = None
    source: str = ""
    devices: str = ""  # of which devices it was measured
    coverage_pct: float | None = None  # of the time; of measured energy alone
    gco2e: float | None = None  # grams, by the factor that the user gave


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What a set of uses cost; hours are those of GPUs, cores or machines."""

    uses: int
    failed: int
    gpu_h: Amount
    core_h: Amount
    machine_h: Amount
    queue_h: Amount
    staging_h: Amount
    lost_h: Amount
    energy: EnergyUsed = field(default_factory=EnergyUsed)


def cost(uses: Sequence[Use], *, power_w: float | None = None, gco2e_per_kwh: float | None = None) -> Cost:
    """Add up uses.

    Args:
        uses: of one workspace, platform or whatever is asked about.
        power_w: what a machine takes, as somebody declared it; used where no joules were measured.
        gco2e_per_kwh: grams of carbon dioxide equivalent for each kWh.
    """
    machine_h = _hours(uses, lambda use: _times(use.duration_s, use.machines))
    return Cost(
        uses=len(uses),
        failed=sum(use.fate != "ok" for use in uses),
        gpu_h=_hours(uses, lambda use: _times(use.duration_s, use.gpus)),
        core_h=_hours(uses, lambda use: _times(use.duration_s, use.cores)),
        machine_h=machine_h,
        queue_h=_hours(uses, lambda use: use.queue_s),
        staging_h=_hours(uses, lambda use: use.staging_s),
        lost_h=_hours(uses, lambda use: use.lost_s),
        energy=_with_factor(_energy(uses, machine_h, power_w), gco2e_per_kwh),
    )


def _times(duration_s: float | None, count: float | None) -> float | None:
    """Device seconds; no device takes no time, however long it was."""
    if count == 0:
        return 0.0
    return None if duration_s is None or count is None else duration_s * count


def _hours(uses: Sequence[Use], seconds: Callable[[Use], float | None]) -> Amount:
    told = [(seconds(use), use.is_cut) for use in uses]
    known = [value for value, _ in told if value is not None]
    whole = [value for value, is_cut in told if value is not None and not (is_cut and value)]
    return Amount(value=sum(known) / H_S, unknown=len(told) - len(whole), count=len(told))


def _energy(uses: Iterable[Use], machine_h: Amount, power_w: float | None) -> EnergyUsed:
    runs = [run for use in uses for run in use.energies]
    known = {kind: [_known(*run, kind) for run in runs] for kind in ("gpu", "cpu")}
    told_by = [kind for kind, each in known.items() if any(lasts_s for lasts_s, _ in each)]
    if told_by:
        covered_s = min(sum(lasts_s for lasts_s, _ in known[kind]) for kind in told_by)
        whole_s = machine_h.value * H_S
        return EnergyUsed(
            kwh=sum(joules for kind in told_by for _, joules in known[kind]) / KWH_J,
            source="measured",
            devices=" and ".join(f"{kind.upper()}s" for kind in told_by),
            coverage_pct=min(100 * covered_s / whole_s, 100.0) if whole_s and not machine_h.unknown else None,
        )
    if power_w is not None and machine_h.is_known and machine_h.count:
        return EnergyUsed(kwh=power_w * machine_h.value / 1000, source="declared")
    return EnergyUsed()


def _known(lasts_s: float, told: Sequence[Energy], kind: str) -> tuple[float, float]:
    """The seconds of a run for which its joules are known, of all devices of a kind, and these joules."""
    joules = total_j(told, kind)
    if joules is None:
        return 0.0, 0.0
    share_pct = min(one.coverage_pct for one in told if one.device.startswith(kind))
    return lasts_s * share_pct / 100, joules


def _with_factor(energy: EnergyUsed, gco2e_per_kwh: float | None) -> EnergyUsed:
    if energy.kwh is None or gco2e_per_kwh is None:
        return energy
    return EnergyUsed(
        kwh=energy.kwh,
        source=energy.source,
        devices=energy.devices,
        coverage_pct=energy.coverage_pct,
        gco2e=energy.kwh * gco2e_per_kwh,
    )
