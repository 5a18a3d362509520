"""Sessions: the same bench at several times, so that the spread between times is measured and not declared.

All sessions of a bench share the first part of its name, and end in their number: 20260301T101200Z-7c4e-2.
A session that was cut short keeps its number, and another one takes its place.
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.clock import stamp, unix_s
from harness.measure.plan import SESSION, SESSION_GAP_S, BenchPlan, set_of
from harness.measure.record import Code, Condition, Record
from harness.measure.record_files import read_records


def newest_sessions(results: Path, platform: str, recipe: str) -> list[Record]:
    """Records of the newest bench of a platform and recipe that has several sessions, or none."""
    records = [
        one
        for one in read_records(results)[0]
        if one.platform == platform
        and one.conditions.get("recipe") == recipe
        and SESSION.fullmatch(one.bench)
    ]
    newest = max((set_of(one.bench) for one in records), default="")
    return [one for one in records if set_of(one.bench) == newest]


def finished(records: Sequence[Record]) -> int:
    """How many sessions ended well: all their records did, and the chain, which comes first, is not alone."""
    sessions = {one.bench for one in records if one.case != "chain"}
    return len(sessions - {one.bench for one in records if one.status != "ok"})


def next_name(
    records: Sequence[Record], count: int, *, code: Code, conditions: Mapping[str, Condition]
) -> str:
    """The name of the next session: of the newest bench as long as it lacks some, else of a new one.

    Args:
        records: of the newest bench that has several sessions.
        count: of the sessions that are wanted; with 1 the name has no number.
        code: that would be measured; sessions of other code are another bench.
        conditions: that would be measured under, as far as they are known before.
    """
    if count > 1 and finished(records) < count and _goes_on(records, code, conditions):
        numbers = [int(match[2]) for one in records if (match := SESSION.fullmatch(one.bench))]
        return f"{set_of(records[0].bench)}-{max(numbers) + 1}"
    name = f"{stamp(time.time())}-{secrets.token_hex(2)}"
    return f"{name}-1" if count > 1 else name


def _goes_on(records: Sequence[Record], code: Code, conditions: Mapping[str, Condition]) -> bool:
    chain = next((one for one in records if one.case == "chain" and one.code), None)
    if chain is None or chain.code is None:
        return False
    is_same_code = (chain.code.git_commit, chain.code.dirty) == (code.git_commit, code.dirty)
    return is_same_code and all(chain.conditions.get(name) == value for name, value in conditions.items())


def pause_s(records: Sequence[Record], count: int, plan: BenchPlan) -> float:
    """How long to wait before the next session; 0 where there is none to be apart from."""
    if not 0 < finished(records) < count:
        return 0.0
    try:
        ended_s = max(unix_s(one.finished_utc or one.started_utc) for one in records)
    except (ValueError, OverflowError):  # a moment that somebody wrote by hand: it may be just now
        return plan.session_gap_s
    return min(max(0.0, ended_s + plan.session_gap_s - time.time()), plan.session_gap_s)


def told_of(plan: BenchPlan) -> str:
    """What follows from the gap between sessions, in words."""
    if plan.session_gap_s >= SESSION_GAP_S:
        return f"sessions lie {plan.session_gap_s / 60:.0f} minutes apart"
    return (
        f"sessions lie less than {SESSION_GAP_S / 60:.0f} minutes apart: their spread counts as "
        f"{plan.session_spread_pct:g} % or more (session_spread_pct in specs/bench.toml)"
    )
