"""The answer of `gate` as JUnit XML, which systems for continuous integration show."""

from collections.abc import Sequence
from xml.etree import ElementTree

from harness.measure.gate import GateResult
from harness.text import shown
from harness.verdict import Verdict


def junit(result: GateResult, reasons: Sequence[str]) -> str:
    """A test case for each row: a failure where it is worse, an error where that cannot be told.

    Args:
        result: of the gate.
        reasons: what is to be said of each of its rows.
    """
    verdicts = [row.is_worse for row in result.rows]
    suite = ElementTree.Element(
        "testsuite",
        name=f"gate {result.platform} {result.recipe}",
        tests=str(len(verdicts)),
        failures=str(verdicts.count(Verdict.YES)),
        errors=str(verdicts.count(Verdict.CANNOT_TELL)),
    )
    for row, text in zip(result.rows, reasons, strict=True):
        text = shown(text)  # of records, which others may have written: XML has no control characters
        name = {"classname": f"{result.platform}.{result.recipe}", "name": shown(row.name)}
        case = ElementTree.SubElement(suite, "testcase", name)
        if row.is_worse is Verdict.NO:
            ElementTree.SubElement(case, "system-out").text = text
        else:
            kind = "failure" if row.is_worse is Verdict.YES else "error"
            ElementTree.SubElement(case, kind, message=text)
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"
