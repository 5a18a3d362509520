"""What a verb answers that was asked a question: text for people, or the same as a table for programs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError

SCHEMA_VERSION = 1  # of all tables; raised where a key goes or changes its meaning


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """`text` is printed for people, `table` by `--json`; `harness.cli` prints one of them.

    The keys of `table` stand in specs/answers/<verb>.schema.json; its values are those of JSON, and null
    where something is not known. An answer may be a bad one: `error` is printed on standard error after it,
    and decides the exit status.
    """

    text: str
    table: Mapping[str, Any]
    status: int = 0
    error: HarnessError | None = None
