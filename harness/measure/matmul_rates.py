"""The machine's own rate of matrix products, measured by the engine for records that it made."""

from collections.abc import Callable
from dataclasses import replace

from harness.engine.answers import read_status
from harness.engine.find import resolve
from harness.engine.request import Request
from harness.errors import HarnessError
from harness.measure.limit import RATES, with_share
from harness.measure.record import Condition, Record
from harness.settings.variables import Settings
from harness.stages.attempt import Attempt

NAME = "matmul"  # of the attempts that measure the machine


class MatmulRates:
    """The rates of one machine by number format, each measured when it is first needed."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._settings, self._say = settings, say
        self._known: dict[Condition, float | None] = {}

    def applied_to(self, record: Record) -> Record:
        """`record`, with the rate in the format that it used, and the share of it that each run reached."""
        if record.case not in RATES:
            return record
        rate = self._flops_per_s(record.facts.get("number_format"))
        record = replace(record, facts={**record.facts, "matmul_flops_per_s": rate})
        return replace(record, runs=tuple(with_share(record, run) for run in record.runs))

    def _flops_per_s(self, number_format: Condition) -> float | None:
        """Of matrix products in that format; None where the engine cannot measure it."""
        if number_format not in self._known:
            self._known[number_format] = self._measure(str(number_format)) if number_format else None
        return self._known[number_format]

    def _measure(self, number_format: str) -> float | None:
        if resolve(self._settings).identity.name != "portable":
            return None
        attempt = Attempt.begin(NAME, fingerprint=NAME, settings=self._settings)
        arguments = ("--format", number_format, "-r", str(attempt.folder))
        request = Request(subcommand="matmul_rate", arguments=arguments, results=attempt.folder)
        try:
            attempt.ask(request, shown=False)
        except HarnessError as error:  # an image of before has no such sub-command
            self._say(f"the rate of matrix products is not known: {error.message}")
            return None
        rate = read_status(attempt.folder)[-1].get("kpi", {}).get("flops_per_s")
        return float(rate) if isinstance(rate, int | float) and rate > 0 else None
