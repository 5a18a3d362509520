"""Synthetic traces of sensors: what each must be told of, written down from the trace's own physics.

Each is a machine whose power is known at every moment, and what a sampler would have read of it. The expected
joules are power times time by hand; where no figure may be given, words of the reason are expected instead.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

START_S = 1_772_360_100.0
NAN = float("nan")
Columns = dict[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Trace:
    """Samples, the span that is asked about (seconds from START_S), and what is to be told of each device."""

    name: str
    samples: Callable[[], Columns]
    span: tuple[float, float]
    told: Mapping[str, float | str]  # device -> joules, or words of the reason
    disagree: Mapping[str, float] = field(default_factory=dict)  # device -> percent that power is off


def every(step_s: float, start_s: float, end_s: float) -> np.ndarray:
    """Moments of an even beat."""
    return np.arange(round((end_s - start_s) / step_s) + 1) * step_s + start_s


def read(times_s: np.ndarray, **columns: object) -> Columns:
    """A file of samples; a column is a number for all beats, or as many numbers."""
    full = {
        name: np.broadcast_to(np.asarray(values, float), times_s.shape) for name, values in columns.items()
    }
    return {"unix_s": times_s + START_S, "late_s": np.zeros_like(times_s), **full}


def beside(*files: Columns) -> Columns:
    """Samples of several sensors with beats of their own in one file."""
    times_s = np.unique(np.concatenate([one["unix_s"] for one in files]))
    merged: Columns = {"unix_s": times_s, "late_s": np.zeros_like(times_s)}
    for one in files:
        places = np.searchsorted(times_s, one["unix_s"])
        for name in one.keys() - {"unix_s", "late_s"}:
            merged[name] = np.full(times_s.shape, NAN)
            merged[name][places] = one[name]
    return merged


def without(samples: Columns, *, since_s: float, until_s: float, like: str = "") -> Columns:
    """The same with a silent stretch: of all sensors, or of those whose name holds `like`."""
    silent = (samples["unix_s"] > START_S + since_s) & (samples["unix_s"] < START_S + until_s)
    if not like:
        return {name: column[~silent] for name, column in samples.items()}
    return {name: np.where(silent & (like in name), NAN, column) for name, column in samples.items()}


TENTHS = every(0.1, -0.02, 100.08)  # of a run of 100 s: begun just before it, read once more just after it
SECONDS = every(1.0, -0.02, 99.98)
BRACKETED = np.append(SECONDS, 100.01)


def both(counter_w: float, power_w: float) -> Columns:
    """A GPU whose counter grows by one power and whose sensor says another."""
    return read(TENTHS, gpu0_energy_total_j=5e6 + counter_w * TENTHS, gpu0_power_w=power_w)


def staircase(refresh_s: float) -> Columns:
    """300 W for 200 s; the counter is renewed more seldom than it is read."""
    times_s = every(0.1, -0.02, 200.08)
    return read(times_s, gpu0_energy_total_j=300 * refresh_s * np.floor(times_s / refresh_s + 1e-9))


def jittered() -> Columns:
    """Beats that come up to 80 ms late, one of 20 missing: 100 W that grow by 2 W a second."""
    random = np.random.default_rng(7)
    times_s = TENTHS + random.uniform(0, 0.08, TENTHS.size)
    times_s = times_s[random.uniform(size=times_s.size) > 0.05]
    times_s[0], times_s[-1] = -0.02, 100.05
    power_w = 100 + 2 * times_s
    return read(times_s, gpu0_energy_total_j=1e5 + 100 * times_s + times_s**2, gpu0_power_w=power_w)


def reset() -> Columns:
    """The driver is loaded again after 60 s, and the counter begins at nothing."""
    joules = np.where(TENTHS < 60, 5e6 + 180 * TENTHS, 180 * (TENTHS - 60))
    return read(TENTHS, gpu0_energy_total_j=joules, gpu0_power_w=180)


def stuck(since_s: float) -> Columns:
    """The counter stays as it is from then on; power goes on at 180 W."""
    joules = 5e6 + 180 * np.minimum(TENTHS, since_s)
    return read(TENTHS, gpu0_energy_total_j=joules, gpu0_power_w=180)


def step() -> Columns:
    """50 W before the run, 400 W in it, 50 W after it; power is read, nothing is counted."""
    return read(TENTHS, gpu0_power_w=np.where((TENTHS >= 0) & (TENTHS <= 100), 400, 50))


def two_jobs() -> Columns:
    """A log with two jobs of 72 s at 250 W, ten hours apart."""
    times_s = np.concatenate([every(1, 0, 71), every(1, 36_000, 36_071)])
    return read(times_s, gpu0_power_w=250)


def moved_clock(seconds: float) -> Columns:
    """The wall clock is set while the run goes on, which the sampler's own clock is not."""
    return read(
        BRACKETED, cpu_energy_total_j=60 * BRACKETED, clock_jump_s=np.where(BRACKETED > 50, seconds, 0)
    )


def hour_back() -> Columns:
    """A log at the end of summer time, whose reader lets no time go backwards."""
    times_s = np.concatenate([every(1, 0, 59), every(1, 59, 119)])
    return read(times_s, gpu0_power_w=250)


def two_gpus(second_w: object) -> Columns:
    return beside(both(200, 200), read(TENTHS, gpu1_power_w=second_w))


def host(times_s: np.ndarray) -> Columns:
    """60 W by RAPL, which counts from the sampler's first look."""
    return read(times_s, cpu_energy_total_j=60 * (times_s - times_s[0]))


WAVE_W = 200 + 100 * np.sin(2 * np.pi * TENTHS / 25)  # four whole waves in 100 s
DAY = np.array([-86_400 * 365 * 56.0, *every(1, 0, 29)])  # the first line is from before the clock was set
TRACES = (
    Trace(
        name="a counter",
        samples=lambda: read(TENTHS, gpu0_energy_total_j=9e6 + 123 * TENTHS),
        span=(0, 100),
        told={"gpu0": 12_300},
    ),
    Trace(
        name="a counter and power that agree",
        samples=lambda: both(250, 250),
        span=(0, 100),
        told={"gpu0": 25_000},
    ),
    Trace(
        name="power alone",
        samples=lambda: read(TENTHS, gpu0_power_w=100),
        span=(0, 100),
        told={"gpu0": 10_000},
    ),
    Trace(
        name="power that rises from 0 to 200 W",
        samples=lambda: read(TENTHS, gpu0_power_w=(2 * TENTHS).clip(0)),
        span=(0, 100),
        told={"gpu0": 10_000},
    ),
    Trace(
        name="power in waves",
        samples=lambda: read(TENTHS, gpu0_power_w=WAVE_W),
        span=(0, 100),
        told={"gpu0": 20_000},
    ),
    Trace(name="a run between two quiet times", samples=step, span=(0, 100), told={"gpu0": 40_000}),
    Trace(name="beats late and missed", samples=jittered, span=(0, 100), told={"gpu0": 20_000}),
    Trace(name="power 2 % off", samples=lambda: both(100, 102), span=(0, 100), told={"gpu0": 10_000}),
    Trace(
        name="power 5 % off",
        samples=lambda: both(100, 105),
        span=(0, 100),
        told={"gpu0": 10_000},
        disagree={"gpu0": 5.0},
    ),
    Trace(
        name="power half of what is counted",
        samples=lambda: both(200, 100),
        span=(0, 100),
        told={"gpu0": 20_000},
        disagree={"gpu0": -50.0},
    ),
    Trace(
        name="a counter renewed each second",
        samples=lambda: staircase(1.0),
        span=(0, 200),
        told={"gpu0": 60_000},
    ),
    Trace(
        name="a counter renewed each ten seconds",
        samples=lambda: staircase(10.0),
        span=(0, 200),
        told={"gpu0": "too short"},
    ),
    Trace(
        name="RAPL at 1 Hz over 3.4 s, read at both ends",
        samples=lambda: host(np.array([-0.02, 0.98, 1.98, 2.98, 3.42])),
        span=(0, 3.4),
        told={"cpu": 204},
    ),
    Trace(
        name="RAPL at 1 Hz over 3.4 s, read on beats alone",
        samples=lambda: host(np.array([0.7, 1.7, 2.7])),
        span=(0, 3.4),
        told={"cpu": "only 59 % of the time"},
    ),
    Trace(
        name="RAPL at 1 Hz in a run of 100 s",
        samples=lambda: host(BRACKETED),
        span=(0, 100),
        told={"cpu": 6_000},
    ),
    Trace(
        name="a phase of 40 s between beats",
        samples=lambda: host(SECONDS),
        span=(20.4, 60.3),
        told={"cpu": 2_394},
    ),
    Trace(
        name="a phase of 4 s between beats",
        samples=lambda: host(SECONDS),
        span=(20.4, 24.4),
        told={"cpu": "too short"},
    ),
    Trace(
        name="power silent for 3 s",
        samples=lambda: without(step(), since_s=40, until_s=43),
        span=(0, 100),
        told={"gpu0": 40_000},
    ),
    Trace(
        name="power silent for 40 s",
        samples=lambda: without(step(), since_s=30, until_s=70),
        span=(0, 100),
        told={"gpu0": "only 60 % of the time"},
    ),
    Trace(
        name="a counter silent for 3 s",
        samples=lambda: without(both(90, 90), since_s=40, until_s=43, like="energy"),
        span=(0, 100),
        told={"gpu0": 9_000},
    ),
    Trace(
        name="a counter silent for 40 s while power is told",
        samples=lambda: without(both(90, 90), since_s=30, until_s=70, like="energy"),
        span=(0, 100),
        told={"gpu0": "only 60 % of the time"},
    ),
    Trace(name="a counter that is reset", samples=reset, span=(0, 100), told={"gpu0": "went back by"}),
    Trace(
        name="a counter that never moves",
        samples=lambda: stuck(-1),
        span=(0, 100),
        told={"gpu0": "stood still"},
    ),
    Trace(
        name="a counter that stops half way",
        samples=lambda: stuck(50),
        span=(0, 100),
        told={"gpu0": "stood still for 50"},
    ),
    Trace(
        name="power below zero",
        samples=lambda: read(TENTHS, gpu0_power_w=np.where(TENTHS > 50, -1, 100)),
        span=(0, 100),
        told={"gpu0": "below zero"},
    ),
    Trace(
        name="two GPUs", samples=lambda: two_gpus(150), span=(0, 100), told={"gpu0": 20_000, "gpu1": 15_000}
    ),
    Trace(
        name="a second GPU that says nothing",
        samples=lambda: two_gpus(NAN),
        span=(0, 100),
        told={"gpu0": 20_000, "gpu1": "told nothing"},
    ),
    Trace(
        name="a second GPU that falls silent",
        samples=lambda: without(two_gpus(150), since_s=20, until_s=200, like="gpu1"),
        span=(0, 100),
        told={"gpu0": 20_000, "gpu1": "only 20 % of the time"},
    ),
    Trace(
        name="a MIG instance without sensors",
        samples=lambda: read(TENTHS, gpu0_memory_used_bytes=2e9),
        span=(0, 100),
        told={"gpu0": "told nothing"},
    ),
    Trace(
        name="a sampler killed half way",
        samples=lambda: without(both(90, 90), since_s=50, until_s=200),
        span=(0, 100),
        told={"gpu0": "only 50 % of the time"},
    ),
    Trace(
        name="a log of two jobs ten hours apart",
        samples=two_jobs,
        span=(0, 36_072),
        told={"gpu0": "only 0 % of the time"},
    ),
    Trace(
        name="a log whose first line is from 1970",
        samples=lambda: read(DAY, gpu0_power_w=250),
        span=(DAY[0], 30),
        told={"gpu0": "only 0 % of the time"},
    ),
    Trace(
        name="a log stopped for two hours",
        samples=lambda: without(read(every(1, 0, 7_260), gpu0_power_w=250), since_s=30, until_s=7_230),
        span=(0, 7_261),
        told={"gpu0": "only 1 % of the time"},
    ),
    Trace(
        name="a log in which summer time begins",
        samples=lambda: without(read(every(1, 0, 3_720), gpu0_power_w=250), since_s=60, until_s=3_660),
        span=(0, 3_721),
        told={"gpu0": "only 3 % of the time"},
    ),
    Trace(
        name="a log of half a minute",
        samples=lambda: read(every(1, 0, 29), gpu0_power_w=250),
        span=(0, 30),
        told={"gpu0": 7_500},
    ),
    Trace(
        name="a log in which summer time ends",
        samples=hour_back,
        span=(0, 120),
        told={"gpu0": "clock went back"},
    ),
    Trace(
        name="a wall clock set by an hour",
        samples=lambda: moved_clock(3600),
        span=(0, 100),
        told={"cpu": "clock jumped by 3600"},
    ),
    Trace(
        name="a wall clock corrected by 20 ms",
        samples=lambda: moved_clock(0.02),
        span=(0, 100),
        told={"cpu": 6_000},
    ),
    Trace(
        name="RAPL after a pause of 90 s",
        samples=lambda: without(host(every(1, 0, 10_000)), since_s=500, until_s=590),
        span=(1, 9_999),
        told={"cpu": "started again in a pause"},
    ),
)
