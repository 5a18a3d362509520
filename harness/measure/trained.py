"""A trained and evaluated workspace as a band of seeds sees it: its quantities, and what they were made with.

What is read of a workspace is data: it may be damaged, or come from elsewhere, and is then not known.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from harness.engine.answers import with_runtime
from harness.engine.spec_text import canonical, tokens
from harness.engine.training_log import last_loss
from harness.errors import ConfigError, DataError
from harness.files import read_json
from harness.measure.band import AP, LOSS, MAP, TRAIN_S, Band, read_band
from harness.settings.numbers import FP32, asking_for, numbers_of
from harness.settings.variables import Settings
from harness.stages.eval import METRICS
from harness.stages.experiment import run_file
from harness.text import duration
from harness.verdict import Verdict
from harness.workspace.layout import REQUEST, Workspace
from harness.workspace.marker import Marker, digest_of, is_digest_of, read_ingredients

# Stages whose settings decide the quantities; what download and verify make of theirs are the data.
DECIDING = ("gen-valid", "tune-bdb", "convert-data", "train", "eval")
COMPUTING = ("train", "eval")
ONE_MACHINE = ("cpu_model", "cores", "cpu_limit")  # with its GPUs: times of another one are not compared
RESUMED = "resume_model_path"  # in the spec that the engine was given
TRAINING_LOG = "experiment/yolov4_training_log_"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """`values` by quantity, None for what is no number; `settings` as `settings_of` has them."""

    values: Mapping[str, float | None]
    settings: Mapping[str, Any]


def read_trained(
    workspace: Workspace, markers: Mapping[str, Marker], metrics: Mapping[str, Any] | None = None
) -> Trained:
    """What the markers of a workspace, by stage, vouch for; no scores where these are of another training.

    Args:
        metrics: the scores on the test frames, where they were read before.
    """
    ingredients = {stage: read_ingredients(workspace, stage) for stage in DECIDING}
    scores = read_json(workspace.path(METRICS["test"])) if metrics is None else metrics
    is_one = is_of_one_training(markers)
    values = quantities_of(scores if is_one else {}, _training_log(workspace, markers))
    settings = settings_of(markers, ingredients)
    return Trained(values=values, settings=settings if is_one else {**settings, "eval": None})


def is_of_one_training(markers: Mapping[str, Marker]) -> bool:
    """Whether the network that was evaluated is the one that lies there; train may have been done again."""
    train, judged = markers.get("train"), markers.get("eval")
    return bool(train and judged and judged.consumed.get("train") == train.outcome)


def _training_log(workspace: Workspace, markers: Mapping[str, Marker]) -> str:
    products = markers["train"].products if "train" in markers else ()
    for product in products:
        path = workspace.path(product.path)
        if product.path.startswith(TRAINING_LOG) and path.is_file():
            return path.read_text(encoding="utf-8", errors="replace")
    return ""


def settings_of(
    markers: Mapping[str, Marker], ingredients: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """What decides the quantities of a run besides its seed and its last digits; None for what is not known.

    Args:
        markers: of its stages.
        ingredients: of their fingerprints; they count as far as they are those of the markers.
    """
    data = [markers[stage].outcome for stage in ("download", "verify") if stage in markers]
    told: dict[str, Any] = {"data_sha256": digest_of(data) if len(data) == 2 else None}
    for stage in DECIDING:
        table = ingredients.get(stage, {})
        is_known = stage in markers and is_digest_of(markers[stage].fingerprint, table)
        told[stage] = _without_seed(table) if is_known else None
    if told["train"] and told["eval"]:  # one spec serves both: what differs is told once
        told["eval"] = {name: each for name, each in told["eval"].items() if told["train"].get(name) != each}
    for stage in COMPUTING:
        used = markers[stage].numerics if stage in markers else ()
        formats = sorted({str(each["number_format"]) for each in used if each.get("number_format")})
        told[f"{stage} number format"] = ", ".join(formats) or None
    if told["train"]:
        told["train"] = _by_what_was_used(told["train"], told["train number format"])
    return told


def _by_what_was_used(table: Mapping[str, Any], number_format: str | None) -> dict[str, Any]:
    """Settings of train with `mixed_precision`, whether another format than fp32 was used, for `numbers`.

    Where the engine does not tell the format, whether another one was allowed.
    """
    used = asking_for(number_format) or number_format or numbers_of(table)
    rest = {name: value for name, value in table.items() if name not in ("numbers", "mixed_precision")}
    return {**rest, "mixed_precision": used != FP32}


def _without_seed(ingredients: Mapping[str, Any]) -> dict[str, Any]:
    """Ingredients of a fingerprint less the seed and the versions; a spec by the digest of its tokens."""
    inputs = ingredients.get("inputs")
    table = dict(inputs) if isinstance(inputs, Mapping) else {}
    table.pop("seed", None)
    for name, text in table.items():
        if name.partition("_")[0] == "spec" and isinstance(text, str):
            table[name] = digest_of(canonical(text))
    engine = ingredients.get("engine")
    asked = (
        {"engine": engine.get("name"), "image": engine.get("image")} if isinstance(engine, Mapping) else {}
    )
    return {**table, **asked, "revision": ingredients.get("revision")}


def quantities_of(metrics: Mapping[str, Any], log: str) -> dict[str, float | None]:
    """AP on the test frames, 0..1, and the loss of the last epoch; None for what is no number.

    Args:
        metrics: the table in metrics.json.
        log: the training log, CSV.
    """
    of_class = metrics.get("AP")
    found: dict[str, Any] = {MAP: metrics.get("mAP")}
    if isinstance(of_class, Mapping):
        found.update({f"{AP}{name}": value for name, value in of_class.items()})
    found[LOSS] = last_loss(log)
    return {name: _finite(value) for name, value in found.items()}


def _finite(value: Any) -> float | None:
    try:
        found = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def train_s(workspace: Workspace, marker: Marker) -> float | None:
    """How long a training took that was done in one go; None where it went on from another, or nobody knows.

    Args:
        marker: of the stage train.
    """
    for folder in (workspace.attempts / "train").glob("*"):
        request = read_json(folder / REQUEST)
        of_marker = (marker.fingerprint, marker.started_utc)
        if (request.get("fingerprint"), request.get("started_utc")) == of_marker:
            spec = run_file(folder, "train")
            text = spec.read_text(encoding="utf-8", errors="replace") if spec.is_file() else RESUMED
            return None if RESUMED in {token.text for token in tokens(text)} else marker.duration_s
    return None


def landing_lines(
    settings: Settings, markers: Mapping[str, Marker], metrics: Mapping[str, Any], *, trains: bool
) -> list[str]:
    """Whether a result landed in the band of its recipe, in words; nothing where the recipe has none.

    Args:
        settings: of the run.
        markers: of its stages.
        metrics: the scores on the test frames.
        trains: this run has trained, so that its time is of this machine.
    """
    try:
        band = read_band(str(settings.recipe_file))
    except (ConfigError, DataError) as error:
        return [f"in the band of seeds: cannot tell: {error.message} (try: {error.remedy})"]
    if band is None or not markers:
        return []
    workspace = Workspace(settings.workspace)
    trained = read_trained(workspace, markers, metrics)
    landing = band.landing(trained.values, trained.settings)
    lines = [f"in the band of {band.n} seeds: {landing.verdict.value}: {landing.words}"]
    if trains and landing.verdict is not Verdict.CANNOT_TELL:
        lines.append(_time_told(band, workspace, markers["train"]))
    return lines


def _time_told(band: Band, workspace: Workspace, marker: Marker) -> str:
    """Whether a training of this machine took as long as those of the band."""
    from harness.measure import facts  # starts a program, which a run that does nothing need not

    lasted_s, usual = train_s(workspace, marker), band.quantities.get(TRAIN_S)
    here = one_machine(asdict(facts.machine(host_name=False)))
    is_same = here == one_machine(band.machine)
    there = band.numerics.get("train", ())
    same_numerics = [*map(with_runtime, marker.numerics)] == [*map(with_runtime, there)]
    if lasted_s is None or usual is None or usual.low is None or usual.high is None:
        return "time of training: cannot tell: it went on from a checkpoint, here or in the band"
    if not (is_same and same_numerics):
        return f"time of training: cannot tell: {duration(lasted_s)}, and the band is of another processor"
    verdict, bounds = usual.holds(lasted_s), f"{duration(usual.low)} to {duration(usual.high)}"
    return f"time of training in the band: {verdict.value}: {duration(lasted_s)}, expected {bounds}"


def one_machine(machine: Mapping[str, Any]) -> dict[str, Any]:
    """What of the machine of a record must be equal for times to be compared."""
    gpus = [gpu.get("name") for gpu in machine.get("gpus") or () if isinstance(gpu, Mapping)]
    return {**{name: machine.get(name) for name in ONE_MACHINE}, "gpus": gpus}
