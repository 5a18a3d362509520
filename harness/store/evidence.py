"""What an engine left as evidence: its status file, the anchors it found, and the figures it measured."""

import json
from pathlib import Path
from typing import Any


def read_status(results: Path) -> list[dict[str, Any]]:
    """Lines of `<results>/status.json`, oldest first; a line cut off by a kill is left out."""
    try:
        lines = (results / "status.json").read_text().splitlines()
    except OSError:
        return []
    entries = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            entries.append(entry)
    return entries


def claims_success(results: Path | None, *, needed: bool) -> str:
    """Why the status file does not speak of success, in words; "" where it does.

    Args:
        results: folder of status.json; None where the engine was not asked for one.
        needed: a file that is not there counts as a fault (older TAO releases write none for some sub-commands).
    """
    if results is None:
        return ""
    entries = read_status(results)
    if not entries:
        return f"left no status.json in {results}" if needed else ""
    last = entries[-1]
    if last.get("status") == "SUCCESS":
        return ""
    return f"said {last.get('status')} at last: {last.get('message')}"
