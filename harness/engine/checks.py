"""What can be known to be wrong before anything runs."""

import os
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

from harness.engine.find import in_image, model_key, resolve
from harness.engine.image_check import check_image
from harness.engine.spec_text import class_mapping
from harness.errors import ConfigError
from harness.process.identity import CONTAINER
from harness.settings.address import check_address, is_local
from harness.settings.variables import Settings
from harness.workspace.layout import Workspace
from harness.workspace.spec_copies import SpecCopies


def check(settings: Settings) -> list[str]:
    """Refuse settings that cannot lead to the end; remarks on those that can.

    Raises:
        ConfigError: with what was found and what to do.
    """
    check_classes(settings)
    check_pretrained(settings)
    if settings.nodes != 1 and (settings.engine != "portable" or "SLURM_JOB_ID" not in os.environ):
        raise ConfigError(
            f"nodes is {settings.nodes} ({settings.origins['nodes']}); "
            "only the portable engine trains on several machines, and only in a job of Slurm",
            remedy="give --nodes 1, or a PLATFORM with Slurm and ENGINE=portable",
        )
    if resolve(settings).identity.name == "tao":
        _check_tao(settings)
    return check_image(settings) if in_image(settings) else []


def check_classes(settings: Settings) -> None:
    """Refuse, by ConfigError, a data set with classes that the spec knows nothing about."""
    name = settings.recipe.spec
    mapping = class_mapping(SpecCopies(Workspace(settings.workspace)).template(name))
    missing = [label for label in settings.dataset.classes if label.lower() not in mapping]
    if missing:
        raise ConfigError(
            f"{name} maps the classes {', '.join(mapping) or 'none'}, "
            f"but the data set {settings.dataset.name} also has {', '.join(missing)}",
            remedy=f"add a target_class_mapping for each in {settings.workspace / 'specs' / name}",
        )


def check_pretrained(settings: Settings) -> None:
    """Refuse, by ConfigError, weights that are not there or that nobody could check."""
    given, sha256, origin = settings.pretrained, settings.pretrained_sha256, settings.origins["pretrained"]
    if not given:
        return
    if not urlsplit(given).scheme:
        if not Path(given).expanduser().is_file():
            raise ConfigError(f"pretrained is {given} ({origin}), and there is no such file", remedy="correct the path")
    elif not is_local(given) and not sha256:
        raise ConfigError(
            f"pretrained is {given} ({origin}) and has no sha256, without which nobody can tell what arrived",
            remedy="give --pretrained-sha256; `sha256sum FILE` prints it for a copy you trust",
        )
    else:
        check_address(given, sha256=sha256, where=f"pretrained ({origin})")


def _check_tao(settings: Settings) -> None:
    for what, path in (("workspace", settings.workspace), ("image", settings.image)):
        # NVIDIA's launcher splices its arguments into one quoted shell line.
        if re.search(r"[\s'\"]", os.fspath(path)):
            raise ConfigError(
                f"the path of the {what} has a blank or a quote: {path}; NVIDIA's yolo_v4 cannot take that",
                remedy=f"give another --{what}",
            )
    if settings.tao_version.startswith("3.") and model_key() is None:
        raise ConfigError(
            f"TAO {settings.tao_version} needs a model key",
            remedy="write it into a file only you can read and set JAMCAM_KEY_FILE to its name",
        )
    if settings.engine == "here" and CONTAINER and shutil.which("nvidia-smi") is None:
        raise ConfigError("no GPU can be seen in here", remedy="start the image with --nv, on a machine that has one")
    if sys.platform != "linux":
        raise ConfigError(f"NVIDIA's yolo_v4 runs on Linux, not on {sys.platform}", remedy="take ENGINE=portable")
