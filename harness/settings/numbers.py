"""The number format that convolutions of a training compute in: what may be asked for, and what was."""

from collections.abc import Mapping
from typing import Any

AUTO, FP32, BF16 = "auto", "fp32", "bf16"
NUMBERS = (AUTO, FP32, BF16, "fp16")
EARLIER = "mixed_precision"  # the key of earlier versions: true for auto, false for fp32


def read_numbers(text: str) -> str:
    """One of NUMBERS.

    Raises:
        ValueError: it is another text.
    """
    if text not in NUMBERS:
        raise ValueError(text)
    return text


def numbers_of(table: Mapping[str, Any]) -> str | None:
    """What `table` says of `numbers`, in the words of today; None where it says nothing that is known."""
    if EARLIER in table and "numbers" not in table:
        return {True: AUTO, False: FP32}.get(table[EARLIER]) if isinstance(table[EARLIER], bool) else None
    told = table.get("numbers")
    return told if told in NUMBERS else None


def asking_for(number_format: object) -> str | None:
    """What to ask for so that convolutions compute as they did: tf32 is what newer GPUs make of fp32."""
    asked = FP32 if number_format == "tf32" else number_format
    return asked if isinstance(asked, str) and asked in NUMBERS and asked != AUTO else None
