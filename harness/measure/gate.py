"""Whether the newest bench of a platform is worse than its reference."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.measure.compare import Comparison, compare, obstacles, select_records
from harness.measure.record import Record


@dataclass(frozen=True, kw_only=True, slots=True)
class GateResult:
    """The newest bench over its reference."""

    bench: str
    reference: str
    obstacles: tuple[str, ...]  # why the two must not be compared
    comparisons: tuple[Comparison, ...]

    @property
    def worse(self) -> list[Comparison]:
        """What got worse, beyond chance and by more than `compare.WORSE_PCT`."""
        return [comparison for comparison in self.comparisons if comparison.is_worse]


def judge_newest(records: Sequence[Record], platform: str, reference: str = "") -> GateResult | None:
    """Compare the newest bench of a platform with a reference, or with its first bench where none is named.

    None where no bench is newer than the reference.

    Raises:
        ConfigError: no bench is called like the reference.
    """
    measured = [one for one in records if (one.platform, one.source) == (platform, "measured")]
    benches = sorted({record.bench for record in measured})
    reference = reference or next(iter(benches), "")
    if not benches or benches[-1] == reference:
        return None
    newest, before = select_records(measured, benches[-1]), select_records(measured, reference)
    return GateResult(
        bench=benches[-1],
        reference=reference,
        obstacles=tuple(obstacles(newest, before)),
        comparisons=tuple(compare(newest, before)),
    )
