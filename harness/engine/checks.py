"""Checks of the engine and its inputs before a run: one list for runs, plan and doctor.

Each check looks at one thing and yields findings with a verdict of three values. A run is refused by the
first "no"; doctor shows all of them. Starting an image, which takes seconds, is left to
`harness.engine.image_check`.
"""

import os
import platform as machine
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from harness.engine import dialect
from harness.engine.container import container_program
from harness.engine.find import in_image, resolve
from harness.engine.finding import Finding, cannot_tell, judged
from harness.engine.images import image_architecture
from harness.engine.model_key import model_key
from harness.engine.spec_check import ask_engine, check_specs
from harness.engine.spec_text import class_mapping, has_extension
from harness.errors import ConfigError
from harness.process.identity import CONTAINER
from harness.settings.address import check_address, is_local, require_no_secret
from harness.settings.numbers import BF16
from harness.settings.platform import goes_to_queue
from harness.settings.variables import Settings
from harness.verdict import Verdict
from harness.workspace.layout import Workspace
from harness.workspace.spec_copies import SpecCopies

# By major version of TAO: the newest compute capability that its CUDA knows, and the oldest driver that it
# runs with. NVIDIA's quick-start guides of 3.21.11, 4.0 and 5.0.
TAO_LIMITS = {"3": (8.9, 465), "4": (9.0, 520), "5": (9.0, 525)}
# Characters that a path must not have: who cannot take them, the pattern, and the pattern in words.
SLURM_PATH = ("a job's file names", r"[\s'\"\\%]", "a blank, quote, backslash or percent sign")
TAO_PATH = ("NVIDIA's yolo_v4", r"[\s'\"]", "a blank or a quote")  # its launcher builds one quoted shell line
BIND_PATH = ("--bind", "[:,]", "a colon or a comma")


def check(settings: Settings, *, asks_engine: bool = False) -> list[str]:
    """Refuse settings that cannot lead to the end on this machine; remarks on those that can.

    Args:
        asks_engine: as in `findings`.

    Raises:
        ConfigError: the first problem that was found, and what to do.
    """
    for finding in findings(settings, asks_engine=asks_engine):
        if finding.verdict is Verdict.NO:
            raise ConfigError(finding.problem, remedy=finding.remedy)
    if not in_image(settings):
        return []
    from harness.engine.image_check import start_image  # a run without an image does not need it

    return start_image(settings)


def findings(settings: Settings, *, asks_engine: bool = False) -> Iterator[Finding]:
    """Everything that is known of the engine and its inputs without starting an image.

    What only a compute node could answer is not asked on a login node.

    Args:
        asks_engine: whether our own engine, where it is installed here, is asked what it makes of the specs.
            That starts a Python; a run goes without, since it starts its engine anyway.
    """
    yield from _specs(settings, asks_engine=asks_engine)
    yield from _pretrained(settings)
    yield _nodes(settings)
    yield _engine(settings)
    if in_image(settings):
        yield from _container(settings)
        yield _image(settings)
    tao = _is_tao(settings)
    yield _paths(settings, tao=tao)
    if tao:
        yield from _tao(settings)


def _queued(settings: Settings) -> bool:
    return goes_to_queue(settings.platform, os.environ)


def _is_tao(settings: Settings) -> bool:
    if settings.engine != "here":
        return settings.engine == "tao"
    return shutil.which("yolo_v4") is not None and resolve(settings).identity.name == "tao"


def _specs(settings: Settings, *, asks_engine: bool) -> Iterator[Finding]:
    """The specs must be such that the engine reads them, and map every class of the data set."""
    try:
        check_specs(settings)
        if asks_engine:
            ask_engine(settings)
    except ConfigError as error:
        yield judged("specs", settings.recipe.spec, error.message, error.remedy)
        return
    yield from (_extension(settings), _classes(settings))


def _extension(settings: Settings) -> Finding:
    """An experiment spec may go beyond NVIDIA's program where that one does not have to read it."""
    name, copies = settings.recipe.spec, SpecCopies(Workspace(settings.workspace))
    extended = has_extension(copies.template(name))
    told = f"{name}, with an extension that NVIDIA's program refuses" if extended else name
    words = "has an extension, which only our own yolo_v4 knows; NVIDIA's refuses it"
    problem = f"{copies.path(name)} {words}" if extended and _is_tao(settings) else ""
    return judged("specs", told, problem, "give ENGINE=portable, or a RECIPE without one, such as jamcam")


def _classes(settings: Settings) -> Finding:
    """The spec must map every class of the data set."""
    name, dataset = settings.recipe.spec, settings.dataset
    copies = SpecCopies(Workspace(settings.workspace))
    mapping = class_mapping(copies.template(name))
    missing = [
        written if written == own else f"{written} (as {own!r} is written)"
        for own, written in zip(dataset.classes, dataset.written_classes, strict=True)
        if written.lower() not in mapping
    ]
    problem = (
        f"{name} maps the classes {', '.join(mapping) or 'none'}, "
        f"but the data set {dataset.name} also has {', '.join(missing)}"
    )
    copy = settings.workspace / "specs" / name
    first = "" if copy.exists() else f"copy {copies.path(name)} to {copy}, and "
    remedy = f"{first}add a target_class_mapping for each in {copy}; `new-dataset` writes such a spec"
    return judged("classes", ", ".join(dataset.classes), problem if missing else "", remedy)


def _pretrained(settings: Settings) -> Iterator[Finding]:
    """Weights to start from must be there, or have an address and a checksum."""
    given, sha256, origin = settings.pretrained, settings.pretrained_sha256, settings.origins["pretrained"]
    if not given:
        return
    problem, remedy, where = "", "", f"pretrained ({origin})"
    try:
        require_no_secret(given, where=where)
    except ConfigError as error:
        yield judged("pretrained", "an address that is not repeated", error.message, error.remedy)
        return
    if not urlsplit(given).scheme:
        if not Path(given).expanduser().is_file():
            problem, remedy = (
                f"pretrained is {given} ({origin}), and there is no such file",
                "correct the path",
            )
    elif not is_local(given) and not sha256:
        problem = (
            f"pretrained is {given} ({origin}) and has no sha256, without which nobody can tell what arrived"
        )
        remedy = "give --pretrained-sha256; `sha256sum FILE` prints it for a copy you trust"
    else:
        try:
            check_address(given, sha256=sha256, where=where)
        except ConfigError as error:
            problem, remedy = error.message, error.remedy
    yield judged("pretrained", given, problem, remedy)


def _nodes(settings: Settings) -> Finding:
    in_slurm = "SLURM_JOB_ID" in os.environ or _queued(settings)
    possible = settings.nodes == 1 or (settings.engine == "portable" and in_slurm)
    problem = (
        f"nodes is {settings.nodes} ({settings.origins['nodes']}); "
        "only the portable engine trains on several machines, and only in a job of Slurm"
    )
    remedy = "give --nodes 1, or a PLATFORM with Slurm and ENGINE=portable"
    return judged("nodes", str(settings.nodes), "" if possible else problem, remedy)


def _engine(settings: Settings) -> Finding:
    """The engine must be there and know the platform's GPUs; jobs may have a PATH of their own."""
    platform, engine = settings.platform, settings.engine
    if engine == "here" and not shutil.which("yolo_v4"):
        if _queued(settings):
            words = "whether jobs have a yolo_v4 on PATH: there is none here"
            return cannot_tell(
                "engine", "no yolo_v4 on PATH", words, "add it to PATH, or give ENGINE=portable"
            )
        problem = "no program yolo_v4 on PATH, which ENGINE=here needs"
        return judged("engine", "no yolo_v4 on PATH", problem, "set PATH, or ENGINE=portable")
    problem = platform.refuses.get(engine, "")
    if engine == "tao" and not problem:
        version, capability = settings.tao_version, platform.compute_capability
        newest, oldest = TAO_LIMITS.get(version[:1], TAO_LIMITS["5"])
        if capability > newest:
            problem = f"TAO {version} knows GPUs up to {newest}, not {capability}"
        elif platform.driver and int(platform.driver.split(".")[0]) < oldest:
            problem = f"TAO {version} needs driver {oldest}, there is {platform.driver}"
        elif not capability and _queued(settings):
            words = (
                f"whether TAO {version} knows the GPUs of {platform.name}: "
                "its file does not say which they are"
            )
            return cannot_tell(
                "engine", engine, words, f"note compute_capability in {platform.name}.mine.toml"
            )
    return judged("engine", engine, problem, "give ENGINE=portable")


def _container(settings: Settings) -> Iterator[Finding]:
    """A container program must be on PATH, and we must not be in a container already."""
    platform, engine = settings.platform, settings.engine
    if CONTAINER:
        problem = (
            f"this is already inside the image {CONTAINER}, and ENGINE={engine} would start another in it"
        )
        yield judged(
            "container", CONTAINER, problem, "leave --engine and --image out: inside, the engine is `here`"
        )
    elif not _queued(settings) or platform.container_on_login:
        program, known = container_program(platform), " or ".join(platform.container)
        problem = f"ENGINE={engine} with an image needs {known} on PATH, and there is none"
        remedy = "install one or load its module, or give ENGINE=portable without an image"
        yield judged("container", program or "none", "" if program else problem, remedy)


def _image(settings: Settings) -> Finding:
    """The image must be there and be built for the processor it will run on."""
    platform, engine, path = settings.platform, settings.engine, Path(settings.image)
    if not settings.image or not path.is_file():
        observed = settings.image or f"no image named ({settings.origins['image']})"
        remedy = f"make image ENGINE={engine} in a checkout, or copy one here, then give --image FILE.sif"
        return judged("image", observed, f"ENGINE={engine} needs a container image, found {observed}", remedy)
    wanted = platform.arch if _queued(settings) else machine.machine()
    built_for = image_architecture(path)
    if not built_for:
        words = f"whether {path} fits the processor: it is not a SIF file"
        return cannot_tell("image", str(path), words, "build or pull it as a SIF file")
    if not wanted:
        words = (
            f"whether an image for {built_for} runs on {platform.name}: its file does not say the processor"
        )
        return cannot_tell("image", str(path), words, f"note arch in {platform.name}.mine.toml")
    problem = (
        f"{path} was built for another architecture: {built_for}, and the machine it runs on is {wanted}"
    )
    remedy = f"build or pull the image for {wanted}"
    return judged("image", f"{path} ({built_for})", problem if built_for != wanted else "", remedy)


def _paths(settings: Settings, *, tao: bool) -> Finding:
    """Paths must have no character that a program on the way cannot take."""
    workspace = ("workspace", os.fspath(settings.workspace))
    rules = [(*workspace, *SLURM_PATH)] if _queued(settings) else []
    rules += [(*workspace, *TAO_PATH), ("image", settings.image, *TAO_PATH)] if tao else []
    rules += [(*workspace, *BIND_PATH)] if in_image(settings) else []
    for what, path, who, pattern, words in rules:
        if re.search(pattern, path):
            problem = f"the path of the {what} has {words}, which {who} cannot take: {path}"
            return judged(what, path, problem, f"give another --{what}")
    return judged(*workspace, "", "")


def _tao(settings: Settings) -> Iterator[Finding]:
    """NVIDIA's program needs Linux, a GPU, up to TAO 3 a model key, and a number format that it knows."""
    asked = settings.numbers
    problem = f"NVIDIA's yolo_v4 trains in float32 or with --use_amp, in float16, not in {asked}"
    remedy = "give --numbers auto, which to it is --use_amp; or ENGINE=portable"
    yield judged("numbers", asked, problem if asked == BF16 else "", remedy)
    try:
        key, problem = model_key(), ""
    except ConfigError as error:
        yield judged("model key", "not readable", error.message, error.remedy)
    else:
        if dialect.tao(settings.tao_version).needs_key and key is None:
            problem = f"TAO {settings.tao_version} needs a model key"
        remedy = "write it into a file only you can read and set JAMCAM_KEY_FILE to its name"
        yield judged("model key", "none" if key is None else "given", problem, remedy)
    if settings.engine == "here" and CONTAINER:
        gpu = shutil.which("nvidia-smi")
        problem = "" if gpu else "no GPU can be seen in here"
        yield judged("GPU", gpu or "none", problem, "start the image with --nv, on a machine that has one")
    if not _queued(settings):
        problem = "" if sys.platform == "linux" else f"NVIDIA's yolo_v4 runs on Linux, not on {sys.platform}"
        yield judged("system", sys.platform, problem, "give ENGINE=portable")
