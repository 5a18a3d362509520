from xml.etree import ElementTree

from harness.measure.gate import GateResult
from harness.measure.gate_rows import Row
from harness.report.junit import junit
from harness.verdict import Verdict


def test_worse_is_a_failure_and_what_cannot_be_told_is_an_error():
    verdicts = {
        "slow": Verdict.YES,
        "fine": Verdict.NO,
        "gone": Verdict.CANNOT_TELL,
        "lost": Verdict.CANNOT_TELL,
    }
    result = GateResult(
        platform="jade",
        recipe="sample",
        sessions=("new",),
        reference=("old",),
        rows=tuple(Row(name=name, is_worse=verdict) for name, verdict in verdicts.items()),
        notes=(),
    )

    suite = ElementTree.fromstring(junit(result, ["1.5 < 2 & worse", "as before", "missing", "missing"]))

    assert suite.tag == "testsuite"
    assert suite.attrib == {"name": "gate jade sample", "tests": "4", "failures": "1", "errors": "2"}
    found = {case.get("name"): case[0] for case in suite}
    assert {name: element.tag for name, element in found.items()} == {
        "slow": "failure",
        "fine": "system-out",
        "gone": "error",
        "lost": "error",
    }
    assert found["slow"].get("message") == "1.5 < 2 & worse"
    assert found["fine"].text == "as before"
    assert {case.get("classname") for case in suite} == {"jade.sample"}


def test_control_characters_of_a_record_leave_the_file_readable():
    row = Row(name="train \x1b[31m", is_worse=Verdict.YES)
    result = GateResult(
        platform="jade", recipe="sample", sessions=("new",), reference=("old",), rows=(row,), notes=()
    )

    (case,) = ElementTree.fromstring(junit(result, ["\x00 and \ud800"]))

    assert (case.get("name"), case[0].get("message")) == (r"train \x1b[31m", r"\x00 and \ud800")
