"""Which record a row or line shows: the newest of each set-up, and one that may be compared before others."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from harness.measure.comparability import reasons
from harness.measure.record import TRAINING, Record, total_j
from harness.text import one_line

GIB = 2**30


class Setup(NamedTuple):
    """What was measured, as far as a reader of a plot needs to know it."""

    recipe: str
    platform: str
    engine: str
    precision: str
    batch: int
    gpus: int  # over all nodes; 0: the CPU did the work
    hardware: str

    @property
    def words(self) -> str:
        """Two short lines: the platform, and what ran on it."""
        return f"{self.platform}: {self.machine}\n{self.software}".strip()

    @property
    def machine(self) -> str:
        """How much of what hardware."""
        return f"{self.gpus}× {self.hardware}" if self.gpus > 1 else self.hardware

    @property
    def software(self) -> str:
        """What ran, as far as it is known."""
        batch = f"batch {self.batch}" if self.batch else ""
        return ", ".join(filter(None, [self.engine, self.precision, batch]))

    @property
    def line(self) -> str:
        """The same in one line."""
        return self.words.replace("\n", ", ")


def setup(record: Record) -> Setup:
    """The set-up of a record; parts that it does not tell are empty or 0."""
    told, machine = record.conditions, record.machine
    # `precision` is that of the exported model; training has a setting of its own.
    mixed = record.case in TRAINING and told.get("mixed_precision")
    gpus = int(told.get("gpus") or 0) * int(told.get("nodes") or 1) if machine is None or machine.gpus else 0
    return Setup(
        recipe=one_line(str(told.get("recipe") or record.case)),
        platform=one_line(record.platform),
        engine=one_line(str(told.get("engine") or "")),
        precision="mixed precision" if mixed else one_line(str(told.get("precision") or "")),
        batch=int(told.get("batch") or 0),
        gpus=gpus,
        hardware=one_line(hardware(record)),
    )


def hardware(record: Record) -> str:
    """The model of the GPUs, or of the CPU where there were none."""
    if record.machine is None:
        return "hardware not recorded"
    if record.machine.gpus:
        return " or ".join(sorted({gpu.name.removeprefix("NVIDIA ") for gpu in record.machine.gpus}))
    model = re.sub(r"\((R|TM)\)| CPU| Processor|@.*", "", record.machine.cpu_model)
    return f"{' '.join(model.split()) or 'unknown CPU'}, {record.machine.cores} cores"


def newest(records: Iterable[Record], *cases: str) -> dict[Setup, Record]:
    """The record to show of each set-up, in their order: comparable before not, then the last begun."""
    newest_of: dict[Setup, Record] = {}
    for record in sorted(records, key=lambda record: (not reasons(record), record.started_utc, record.id)):
        if record.case in cases and record.runs:
            newest_of[setup(record)] = record
    return dict(sorted(newest_of.items()))


def joules_per_1000(record: Record, kind: str) -> list[float]:
    """Energy of all devices of a kind, gpu or cpu, for 1,000 images, by run; of runs where it is known."""
    totals = [(total_j(run.energy, kind), run.images) for run in record.runs]
    return [1000 * joules / images for joules, images in totals if joules is not None and images]


def energy_name(record: Record, kind: str) -> str:
    """GPU or CPU, and how its energy was measured."""
    methods = {
        one.method for run in record.runs for one in run.energy if one.method and one.device.startswith(kind)
    }
    words = {"counter": "its own counter", "integral": "power times time"}
    return f"{kind.upper()}, {' or '.join(sorted(words.get(method, method) for method in methods))}"
