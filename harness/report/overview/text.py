"""The facts as text for a terminal: the twin of the page, in 80 columns."""

from collections.abc import Iterator, Sequence

from harness.clock import utc
from harness.measure.band import LOSS
from harness.measure.time_parts import Spent
from harness.measure.waterfall import Row
from harness.report.overview import words
from harness.report.overview.columns import WIDTH, fit, table, wrapped
from harness.report.overview.facts import Compared, CostFacts, Overview, RunFacts
from harness.report.overview.gantt import chart
from harness.report.overview.learning import Course
from harness.report.overview.machine import MachineAtWork
from harness.report.overview.record_rows import History, RecordRow, Standing
from harness.report.overview.spark import bar, sparkline
from harness.report.overview.text_scores import accuracy_lines
from harness.verdict import Verdict

MOST_RECORDS = 40
GANTT, BAR, SPARK = 36, 20, 44  # characters


def text(overview: Overview) -> list[str]:
    """All of it, section by section."""
    lines = [f"JamCam report, harness {overview.version}"]
    for run in overview.runs:
        lines += _run(run)
    for compared in overview.compared:
        lines += _compared(compared)
    if overview.machine is not None:
        lines += _machine(overview.machine)
    lines += _records(overview.records)
    lines += _standings(overview.standings)
    lines += [line for history in overview.histories for line in _history(history)]
    lines += ["", "WHAT IT COST", *cost_lines(overview.costs, overview.gco2e_per_kwh)]
    if overview.notes:
        lines += ["", "PASSED OVER", *(line for note in overview.notes for line in wrapped(note))]
    return lines


def cost_lines(costs: Sequence[CostFacts], gco2e_per_kwh: float | None) -> list[str]:
    """What runs and records cost, each with what of it is not known."""
    lines: list[str] = []
    for one in costs:
        cost = one.cost
        fates = f"{cost.uses} tries or records, {cost.failed} of them not finished"
        lines += wrapped(f"{one.title}: {fates}")
        rows = [
            ("GPU time", words.amount(cost.gpu_h, "GPU-hours")),
            ("core time", words.amount(cost.core_h, "core-hours")),
            ("machine time", words.amount(cost.machine_h, "hours")),
            ("in the queue", words.amount(cost.queue_h, "hours")),
            ("staging", words.amount(cost.staging_h, "hours")),
            ("lost work", words.amount(cost.lost_h, "hours")),
            ("energy", words.energy(cost)),
            ("CO2e", words.carbon(cost, gco2e_per_kwh)),
        ]
        lines += table(rows, indent=4)
    return lines or ["  nothing: there is neither a run nor a record"]


def _run(run: RunFacts) -> Iterator[str]:
    yield ""
    yield from wrapped(f"RUN {run.name}", indent=0)
    rows = [("stage", "state", "finished (UTC)", "took", "tries")]
    for stage in run.stages:
        tries = [one for one in run.tries if one.stage == stage.stage]
        took = words.lasted(stage.took_s) if stage.is_done else ""
        finished = stage.finished_utc[:19].replace("T", " ")
        rows.append((stage.stage, "done" if stage.is_done else "not done", finished, took, str(len(tries))))
    yield from table(rows, right=(4,))
    yield from _tries(run)
    if run.settings:
        yield "  settings as run"
        yield from table(
            [(one.name, one.value, one.origin or words.NOT_RECORDED) for one in run.settings], indent=4
        )
    if run.computed_by:
        yield from wrapped(f"computed by {run.computed_by}")
    if run.aside:
        yield from wrapped(f"aside, to be taken back with their settings: {run.aside}")
    yield from _spent(run.spent)
    yield from _learning(run)
    yield from accuracy_lines(run)


def _tries(run: RunFacts) -> Iterator[str]:
    shown = chart(run.tries)
    if not shown.bars:
        yield "  tries: not recorded"
        return
    yield f"  tries, over {words.lasted(shown.shown_s)}; █ kept, ░ lost"
    for each in shown.bars:
        start, kept, end = (round(share * GANTT) for share in (each.start, each.kept, each.end))
        length = max(end, start + 1) - start
        kept_length = length if each.one.fate.is_good else min(max(kept - start, 0), length)
        drawn = " " * start + "█" * kept_length + "░" * (length - kept_length)
        fate = f"{each.one.stage} {each.one.fate.value}, {words.lasted(each.one.lasted_s)}"
        yield f"  {drawn[: GANTT + 1]:<{GANTT + 1}} {fit(fate, WIDTH - GANTT - 4)}"
        reason = each.one.message or each.one.why
        if reason:
            yield f"  {'':<{GANTT + 1}}   {fit(reason, WIDTH - GANTT - 6)}"
        if not each.one.fate.is_good:
            yield from wrapped(f"log: {each.one.log}", indent=4)
    if shown.cuts:
        pauses = ", ".join(words.lasted(gap_s) for _, gap_s in shown.cuts)
        yield from wrapped(f"pauses left out: {pauses}")


def _spent(spent: Spent | None) -> Iterator[str]:
    if spent is None or not spent.total_s:
        yield "  where the time went: not recorded"
        return
    yield f"  where the time went, of {words.lasted(spent.total_s)}"
    parts = {**spent.parts_s, "unexplained": spent.unexplained_s}
    rows = [
        (
            name,
            words.lasted(value_s),
            f"{100 * value_s / spent.total_s:.1f} %",
            bar(value_s / spent.total_s, BAR),
        )
        for name, value_s in parts.items()
    ]
    yield from table(rows, indent=4, right=(1, 2))


def _learning(run: RunFacts) -> Iterator[str]:
    learning = run.learning
    if learning is None:
        yield "  learning: not recorded"
        return
    ended = "" if learning.is_finished else ", of a training that was not finished"
    yield f"  learning, {len(learning.epochs)} epochs{ended}"
    courses = (
        ("loss", learning.loss),
        ("validation loss", learning.validation_loss),
        ("mAP (validation)", learning.mean_average_precision),
        ("learning rate", learning.learning_rate),
    )
    rows = [(name, sparkline(course, SPARK), _ends(course)) for name, course in courses]
    yield from table(rows, indent=4)
    if run.band is not None and LOSS in run.band.bounds:
        low, high = run.band.bounds[LOSS]
        yield f"    other seeds end at a loss of {words.figure(low)} to {words.figure(high)}"


def _ends(course: Course) -> str:
    known = [value for value in course if value is not None]
    return f"{known[0]:.4g} to {known[-1]:.4g}" if known else words.NOT_RECORDED


def _compared(compared: Compared) -> Iterator[str]:
    slower = {Verdict.YES: "yes", Verdict.NO: "no", Verdict.CANNOT_TELL: words.CANNOT_TELL}[
        compared.is_slower
    ]
    yield ""
    yield from wrapped(f"WHY IS B SLOWER THAN A ({compared.of})", indent=0)
    yield from wrapped(f"A: {compared.a}")
    yield from wrapped(f"B: {compared.b}")
    yield from wrapped(f"slower: {slower}. {compared.why}")
    for obstacle in compared.obstacles:
        yield from wrapped(f"not comparable: {obstacle}")
    fall = compared.waterfall
    heads = ("part", "A", "B", "B less A", "95 % interval")
    rows = map(_row, (*fall.rows, fall.total))
    yield from table([heads, *rows], indent=4, right=(1, 2, 3))
    yield from wrapped(
        f"unexplained: {fall.unexplained_pct:.1f} % of the longer time; "
        f"runs: {fall.runs[0]} and {fall.runs[1]}",
        indent=4,
    )


def _row(row: Row) -> tuple[str, ...]:
    between = words.CANNOT_TELL
    if row.low_s is not None and row.high_s is not None:
        between = f"{words.signed_s(row.low_s)} to {words.signed_s(row.high_s)}"
    return row.name, f"{row.a_s:,.2f} s", f"{row.b_s:,.2f} s", words.signed_s(row.difference_s), between


def _machine(machine: MachineAtWork) -> Iterator[str]:
    yield ""
    yield from wrapped(f"THE MACHINE: {machine.title}", indent=0)
    yield from wrapped(f"record {machine.record}, {words.lasted(machine.lasted_s)}")
    if machine.disturbed:
        yield "  this record must not be compared with others, or that cannot be told"
    yield from wrapped(
        f"limited by: {machine.word}: {machine.why}" if machine.word else "limited by: cannot tell"
    )
    if machine.remedy:
        yield from wrapped(f"what to try: {machine.remedy}")
    yield from wrapped(f"of the machine's limit: {words.figure(machine.limit_share_pct, '%')}")
    for lane in machine.lanes:
        line = sparkline(lane.mean, SPARK, low=0.0, high=lane.top)
        yield f"  {line} {fit(f'{lane.name}, to {words.figure(lane.top, lane.unit)}', WIDTH - SPARK - 3)}"


def _records(rows: Sequence[RecordRow]) -> Iterator[str]:
    yield ""
    yield f"RECORDS ({len(rows)})"
    if not rows:
        yield "  there are none: make bench measures this machine"
        return
    cells = [("date", "platform", "case", "figure", "clean")]
    for row in sorted(rows, key=lambda row: (row.date, row.id), reverse=True)[:MOST_RECORDS]:
        figures = "; ".join(each.text for each in row.figures) or row.status
        cells.append((row.date, row.platform, row.case, figures, row.is_comparable.value))
    yield from table(cells)
    if len(rows) > MOST_RECORDS:
        yield f"  and {len(rows) - MOST_RECORDS} older ones, on the page"


def _standings(rows: Sequence[Standing]) -> Iterator[str]:
    if rows:
        yield ""
        yield "SET-UPS, THE NEWEST RECORD OF EACH"
        top = {
            case: max(row.figure.value for row in rows if row.case == case)
            for case in {row.case for row in rows}
        }
        cells = [
            (row.case, row.title, row.figure.text, bar(row.figure.value / (top[row.case] or 1.0), 10))
            for row in rows
        ]
        yield from table(cells)


def _history(history: History) -> Iterator[str]:
    yield ""
    yield from wrapped(f"HISTORY: {history.title}", indent=0)
    yield from wrapped(
        f"reference {history.reference}: {words.figure(history.middle, 'images/s')}; 95 % of sessions lie "
        f"from {words.figure(history.low)} to {words.figure(history.high)} if nothing changed"
    )
    rows = [
        (utc(each.started_s)[:10], words.figure(each.value, "images/s"), _place(each.value, history))
        for each in history.points
    ]
    yield from table(rows, right=(1,))


def _place(value: float, history: History) -> str:
    if history.low is None or history.high is None:
        return words.CANNOT_TELL
    return (
        "below the band"
        if value < history.low
        else "above the band"
        if value > history.high
        else "in the band"
    )
