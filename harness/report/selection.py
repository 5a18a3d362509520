"""Which record a row or line shows: the newest of each set-up, and one that may be compared before others.

Records that `compare` knows to differ in a condition are rows of their own, which say by what they differ.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from harness.measure.comparability import doubts, reasons
from harness.measure.efficiency import CASE as SCALING_CASE
from harness.measure.efficiency import VARIED
from harness.measure.fact_table import FACTS, UNKNOWN, UNRECORDED, Role, value_of
from harness.measure.record import TRAINING, Condition, Record, total_j
from harness.text import one_line, shortened

GIB = 2**30
DIGITS = 8  # of a digest or commit
# Conditions that the other fields of a set-up show already.
SHOWN = {"case", "recipe", "engine", "batch", "gpus", "precision", "mixed_precision", "number_format"}
# Conditions that differ between the cases of one bench: the chain trains for more epochs than the case train.
OF_A_CASE = {"epochs", "target_map", "train_steps", "warm_up_steps"}
WORDS = {
    "data_sha256": "data {}",
    "spec_sha256": "spec {}",
    "pretrained_sha256": "pretrained {}",
    "engine_version": "version {}",
    "epochs": "{} epochs",
    "nodes": "{} nodes",
    "val_split_pct": "{} % for validation",
}


class Setup(NamedTuple):
    """What was measured, as far as a reader of a plot needs to know it."""

    recipe: str
    platform: str
    engine: str
    precision: str
    batch: int
    gpus: int  # over all nodes; 0: the CPU did the work
    hardware: str
    differs: str = ""  # in what it must not be compared with others that are shown, and its value

    @property
    def words(self) -> str:
        """Two or three short lines: the platform, what ran on it, and in what it differs from others."""
        lines = [f"{self.platform}: {self.machine}", self.software, self.differs]
        return "\n".join(filter(None, lines))

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
    gpus = int(told.get("gpus") or 0) * int(told.get("nodes") or 1) if machine is None or machine.gpus else 0
    return Setup(
        recipe=one_line(str(told.get("recipe") or record.case)),
        platform=one_line(record.platform),
        engine=one_line(str(told.get("engine") or "")),
        precision=one_line(_precision(record)),
        batch=int(told.get("batch") or 0),
        gpus=gpus,
        hardware=one_line(hardware(record)),
    )


def _precision(record: Record) -> str:
    """The format of numbers that was used. In older records, `precision` is that of the exported model."""
    used = record.facts.get("number_format")
    if used is not None and used not in UNKNOWN:
        return str(used)
    if record.case not in TRAINING:
        return ""
    return (
        "mixed precision"
        if record.conditions.get("mixed_precision")
        else str(record.conditions.get("precision", ""))
    )


def hardware(record: Record) -> str:
    """The model of the GPUs, or of the CPU where there were none."""
    if record.machine is None:
        return "hardware not recorded"
    if record.machine.gpus:
        return " or ".join(sorted({gpu.name.removeprefix("NVIDIA ") for gpu in record.machine.gpus}))
    model = re.sub(r"\((R|TM)\)| CPU| Processor|@.*", "", record.machine.cpu_model)
    return f"{' '.join(model.split()) or 'unknown CPU'}, {record.machine.cores} cores"


def origin(records: Iterable[Record]) -> str:
    """When records were measured, and at which commits: `2026-11-24 to 2026-11-25, commit 4e7a47cc`."""
    records = [*records]
    days = sorted({one_line(record.started_utc[:10]) for record in records})
    commits = sorted({one_line(record.code.git_commit[:DIGITS]) for record in records if record.code})
    day = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    sent_in = ", contributed" if any(record.contributed for record in records) else ""
    return f"{day}, commit {shortened([*filter(None, commits)]) or 'not recorded'}{sent_in}"


def newest(records: Iterable[Record], *cases: str) -> dict[Setup, Record]:
    """The record to show of each set-up, in their order: comparable before not, then the last begun."""
    return {one: first for one, (first, *_) in alike(records, *cases).items()}


def alike(records: Iterable[Record], *cases: str) -> dict[Setup, list[Record]]:
    """The records of each set-up, in the order of set-ups, and first the one to show.

    Of one set-up there are several groups where conditions are known to differ; `differs` tells them apart,
    and from those of other set-ups.
    """
    kept: dict[Setup, list[list[Record]]] = {}
    for record in sorted(records, key=_rank, reverse=True):
        if record.case in cases and record.runs:
            of_setup = kept.setdefault(_without_precision(record), [])
            group = next((group for group in of_setup if _agree(record, group[0])), None)
            if group is None:
                of_setup.append([record])
            else:
                group.append(record)
    shown = [(setup(group[0]), group[0], group) for of_setup in kept.values() for group in of_setup]
    names = {
        (recipe, case): _differing(
            [(one, first) for one, first, _ in shown if (one.recipe, first.case) == (recipe, case)]
        )
        for recipe, case in {(one.recipe, first.case) for one, first, _ in shown}
    }
    told = {
        one._replace(differs=_in_words(first, names[one.recipe, first.case])): group
        for one, first, group in shown
    }
    return dict(sorted(told.items(), key=lambda item: item[0]))


def chain_of(record: Record, records: Iterable[Record]) -> Record | None:
    """The chain that trained as `record` of case train did: that of its bench, or the newest."""
    alike = [
        one
        for one in records
        if one.case == "chain"
        and one.runs
        and _without_precision(one) == _without_precision(record)
        and _agree(one, record, but=OF_A_CASE)
    ]
    return max(alike, key=lambda one: (one.bench == record.bench, *_rank(one)), default=None)


def _without_precision(record: Record) -> Setup:
    """The set-up less what older records do not tell; `_agree` compares it where it is told."""
    return setup(record)._replace(precision="")


def is_comparable(record: Record) -> bool:
    """Whether `compare` takes it: nothing disturbed it, and that was seen."""
    return not reasons(record) and not doubts(record)


def _rank(record: Record) -> tuple[bool, str, str]:
    return is_comparable(record), record.started_utc, record.id


def conditions(record: Record) -> dict[str, Condition]:
    """What must be equal for `compare`, by name; in a study of scaling, less what the study varies."""
    known = {fact.path for fact in FACTS}
    paths = [fact.path for fact in FACTS if fact.compare is Role.CONDITION and fact.concerns(record)]
    paths += [f"conditions.{name}" for name in record.conditions if f"conditions.{name}" not in known]
    values = {path.rpartition(".")[2]: value_of(record, path) for path in paths}
    varied = VARIED if record.case == SCALING_CASE else set()
    return {name: value for name, value in values.items() if name not in varied}


def _agree(one: Record, other: Record, *, but: Iterable[str] = ()) -> bool:
    """Whether no condition that both tell is known to differ."""
    here, there = conditions(one), conditions(other)
    return all(
        here[name] == there[name] or here[name] in UNKNOWN or there[name] in UNKNOWN
        for name in (here.keys() & there.keys()) - {"case", *but}
    )


def _differing(rows: Sequence[tuple[Setup, Record]]) -> list[str]:
    """Conditions in which rows of one case differ, and that their set-ups do not show."""
    told = [(one, conditions(record)) for one, record in rows]
    names = sorted({name for _, own in told for name in own})

    def values(name: str, only: Setup | None = None) -> int:
        return len({str(own.get(name, UNRECORDED)) for one, own in told if only in (None, one)})

    return [
        name
        for name in names
        if (name not in SHOWN and values(name) > 1) or any(values(name, one) > 1 for one, _ in told)
    ]


def _in_words(record: Record, names: Sequence[str]) -> str:
    own = conditions(record)
    return ", ".join(_word(name, own.get(name, UNRECORDED)) for name in names)


def _word(name: str, value: Condition) -> str:
    """`7 epochs`, `data 029f6d6f`, `limit 100`."""
    text = one_line(str(value) or "none")
    if value in UNKNOWN:
        return f"{one_line(name.replace('_', ' '))} {text}"
    text = text[:DIGITS] if name.endswith("sha256") else text
    return WORDS.get(name, f"{one_line(name.replace('_', ' '))} {{}}").replace("{}", text)


def joules_per_1000(record: Record, kind: str) -> list[float]:
    """Energy of all devices of a kind, gpu or cpu, for 1,000 images, by run; of runs where it is known."""
    totals = [(total_j(run.energy, kind), run.images) for run in record.runs]
    return [1000 * joules / images for joules, images in totals if joules is not None and images]


def energy_reason(record: Record, kind: str) -> str:
    """Why runs have no figure of that kind's energy, in words; "" where all have one or nothing was read."""
    unknown = [
        [one.reason for one in run.energy if one.device.startswith(kind) and one.energy_j is None]
        for run in record.runs
    ]
    told = list(dict.fromkeys(reason for of_run in unknown for reason in of_run))
    runs = f"{sum(map(bool, unknown))} of {len(record.runs)} runs"
    return f"{kind.upper()}: no figure of {runs}: {one_line(shortened(told))}" if told else ""


def energy_name(record: Record, kind: str) -> str:
    """GPU or CPU, and how its energy was measured."""
    methods = {
        one.method for run in record.runs for one in run.energy if one.method and one.device.startswith(kind)
    }
    words = {"counter": "its own counter", "integral": "power times time"}
    return f"{kind.upper()}, {' or '.join(sorted(words.get(method, method) for method in methods))}"
