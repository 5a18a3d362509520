"""What one check found: a verdict of three values, with what was observed and what helps."""

from dataclasses import dataclass

from harness.verdict import Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """The result of one check.

    `problem` is "" where the verdict is yes. Else it is what is wrong, or after "cannot tell": "whether …:
    why".
    """

    what: str
    verdict: Verdict
    observed: str
    problem: str = ""
    remedy: str = ""


def judged(what: str, observed: str, problem: str, remedy: str) -> Finding:
    """A finding about something that is known: no where there is a problem, else yes."""
    if not problem:
        return Finding(what=what, verdict=Verdict.YES, observed=observed)
    return Finding(what=what, verdict=Verdict.NO, observed=observed, problem=problem, remedy=remedy)


def cannot_tell(what: str, observed: str, problem: str, remedy: str) -> Finding:
    """A finding about something that could not be seen from here; the remedy is how to make it known."""
    return Finding(what=what, verdict=Verdict.CANNOT_TELL, observed=observed, problem=problem, remedy=remedy)
