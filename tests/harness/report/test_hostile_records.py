"""A record may hold anything: what is concluded from it is an answer in words, and never a traceback."""

import json
import random
from xml.etree import ElementTree

import pytest

from harness.measure.record_files import read_records
from harness.report import page
from harness.report.judgement import compared, gate
from harness.text import CONTROLS
from tests.harness.report.test_judgement import NEW, OLD, bench, keep

VALUES = (
    *(None, True, -1, 0, -0.5, 1e-300, 1e308, 2**63, 10**400, float("nan"), float("inf")),
    *(
        "",
        "NaN",
        "x" * 9000,
        "\x1b[31m\n\x00",
        "2026-13-45T99:99:99Z",
        "<script>|`",
        [],
        [None],
        {},
        {"a": 1},
    ),
)


def places(table, place=()):
    """Every place in a table of JSON, as keys and numbers."""
    items = table.items() if isinstance(table, dict) else enumerate(table if isinstance(table, list) else ())
    for key, value in items:
        yield (*place, key)
        yield from places(value, (*place, key))


def found_at(table, place):
    for key in place:
        table = table[key]
    return table


def with_value(table, place, value):
    changed = json.loads(json.dumps(table))
    found_at(changed, place[:-1])[place[-1]] = value
    return changed


def like(table, value, chance):
    """A place that holds a number, for a number; else any."""
    every = [*places(table)]
    numbers = [place for place in every if isinstance(found_at(table, place), float)]
    return chance.choice(numbers if isinstance(value, int | float) and value is not True else every)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    keep(folder, *bench(OLD), *bench(NEW))
    return folder


@pytest.mark.parametrize(("case", "turn"), [("chain", 0), ("train", 1), ("evaluate", 0), ("export", 1)])
@pytest.mark.parametrize("side", [OLD, NEW])
def test_gate_compare_and_page_answer_whatever_a_record_holds(results, tmp_path, side, case, turn):
    path = next((results / "local").glob(f"{side[:8]}*-{case}-*")) / "record.json"
    text, chance = path.read_text(), random.Random(f"{side} {case}")
    table = json.loads(text)
    try:
        for value in VALUES[turn::2]:
            path.write_text(json.dumps(with_value(table, like(table, value, chance), value)))
            told = gate(results, "local", "sample", force=True, junit_file=tmp_path / "gate.xml", band=None)
            json.dumps(told.table, allow_nan=False)
            ElementTree.parse(tmp_path / "gate.xml")
            json.dumps(compared(results, NEW, OLD, force=True).table, allow_nan=False)
            section = page.section(read_records(results)[0], {}, [])
            assert not CONTROLS.search(section)
            assert "<script" not in section
    finally:
        path.write_text(text)
