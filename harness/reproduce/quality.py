"""Whether two results are of the same quality: whether scores and loss of both lie in the band of seeds."""

import re

from harness.errors import HarnessError
from harness.measure.band import Band, read_band
from harness.measure.trained import read_trained
from harness.reproduce.content import Answer
from harness.reproduce.source import Run
from harness.verdict import Verdict
from harness.workspace.layout import Workspace

RECIPE = re.compile(r"[A-Za-z0-9][\w-]{0,63}")


def compare_quality(there: Run, here: Run) -> Answer:
    """Yes where both results are ones that another seed may give, no where only the other one is."""
    recipe = there.facts.get("recipe")
    if not isinstance(recipe, str) or not RECIPE.fullmatch(recipe):
        return _cannot_tell("which recipe it was of is not recorded, and so no band of seeds")
    try:
        band = read_band(recipe)
    except HarnessError as error:
        return _cannot_tell(error.message)
    if band is None:
        return _cannot_tell(f"the recipe {recipe} has no band of seeds (jamcam seeds --recipe={recipe})")
    usual, words = _lands(band, there)
    if usual is not Verdict.YES:
        return _cannot_tell(f"the other result itself is not known to lie in the band: {words}")
    verdict, words = _lands(band, here)
    return Answer(same=verdict, difference=f"in the band of {band.n} seeds: {words}")


def _lands(band: Band, run: Run) -> tuple[Verdict, str]:
    if run.folder is None:  # a record, which tells some of the quantities
        verdicts = {name: band.holds(name, run.scores[name]) for name in band.family if name in run.scores}
        outside = [name for name, verdict in verdicts.items() if verdict is not Verdict.YES]
        verdict = Verdict.CANNOT_TELL if outside or not verdicts else Verdict.YES
        return verdict, ", ".join(outside or verdicts)
    trained = read_trained(Workspace(run.folder), run.markers)
    landing = band.landing(trained.values, trained.settings)
    return landing.verdict, landing.words


def _cannot_tell(words: str) -> Answer:
    return Answer(same=Verdict.CANNOT_TELL, difference=words)
