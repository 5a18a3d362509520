"""Which program answers, found on this machine."""

import functools
import hashlib
import importlib.util
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from harness.engine import dialect
from harness.engine.across_nodes import across_nodes
from harness.engine.container import container_command, container_environment, prefix_in_image
from harness.engine.images import how_made, image_digest, image_manifest, own_manifest
from harness.engine.model_key import model_key
from harness.engine.request import Engine
from harness.errors import ConfigError
from harness.own_files import IS_INSTALLED
from harness.process.identity import CONTAINER
from harness.settings.variables import Settings
from harness.workspace.layout import Workspace
from harness.workspace.marker import EngineIdentity

# Words in the console script of NVIDIA's program: since 5.0, and before.
NVIDIA_SCRIPTS = (b"nvidia_tao", b"from iva.")
OUR_SCRIPT = b"yolo_v4.cli"


@functools.cache
def resolve(settings: Settings) -> Engine:
    """The engine of these settings; whether it can start is for `harness.engine.checks` to say.

    Raises:
        ConfigError: the engine is `here` and no yolo_v4 is on PATH.
    """
    if in_image(settings):
        return _container(settings)
    return {"portable": _portable, "here": _on_path}[settings.engine](settings)


def in_image(settings: Settings) -> bool:
    """Whether the engine runs in a container image: TAO always, ours where the user names one."""
    chosen = settings.image and not settings.origins["image"].startswith("platform")
    return settings.engine == "tao" or bool(settings.engine == "portable" and chosen)


def _portable(settings: Settings) -> Engine:
    several = across_nodes(settings.nodes, settings.gpus, sys.executable) if settings.nodes > 1 else ()
    return Engine(
        identity=EngineIdentity(name="portable", version=_portable_version()),
        prefix=(sys.executable, "-m"),
        multi_node_prefix=(*several, "-m") if several else (),
        program="yolo_v4",
    )


def _portable_version() -> str:
    # Read, not imported: harness and yolo_v4 communicate through a command line and files only.
    stated = re.search(
        r'__version__ = "([^"]+)"', (package_root("yolo_v4") / "yolo_v4" / "__init__.py").read_text()
    )
    return stated[1] if stated else "unknown"


def package_root(package: str) -> Path:
    """The folder that holds a package which we start and never import.

    Raises:
        ConfigError: this Python does not have it.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ConfigError(f"no package {package} beside harness", remedy="install jamcam-harness again")
    return Path(spec.origin).parent.parent


def python_environment(package: str) -> dict[str, str]:
    """The environment in which this Python finds a package, wherever it is started."""
    # From 3.11 on, Python then takes no module out of the folder in which it is started: files of others may
    # lie there.
    names = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1"}
    if not IS_INSTALLED:
        found = [str(package_root(package)), os.environ.get("PYTHONPATH")]
        names["PYTHONPATH"] = os.pathsep.join(filter(None, found))
    return names


def _container(settings: Settings) -> Engine:
    image, tao = settings.image, settings.engine == "tao"
    digest = image_digest(Workspace(settings.workspace), Path(image)) if image else ""
    manifest = image_manifest(Path(image), digest) if digest else {}
    # engine_digest is the same for images with the same engine, and inside and outside of one: they share
    # markers.
    identity = EngineIdentity(
        name="tao" if tao else "portable",
        version=settings.tao_version if tao else manifest.get("engine_version", "unknown"),
        image=image,
        image_digest=manifest.get("engine_digest") or digest,
        image_made=how_made(manifest),
    )
    return Engine(
        identity=identity,
        packages=manifest.get("packages", {}),
        prefix=prefix_in_image(settings, settings.workspace),
        program="yolo_v4",
        passes_key=tao and model_key() is not None,
        dialect=dialect.tao(settings.tao_version) if tao else dialect.PORTABLE,
    )


def _on_path(settings: Settings) -> Engine:
    program = shutil.which("yolo_v4")
    if program is None:
        raise ConfigError(
            "no program yolo_v4 on PATH, which ENGINE=here needs", remedy="set PATH, or ENGINE=portable"
        )
    script = Path(program).read_bytes()
    # The real engine's name, so that markers are shared between inside and outside of a container.
    if any(word in script for word in NVIDIA_SCRIPTS):
        identity = EngineIdentity(name="tao", version=settings.tao_version, **_own_image())
        return Engine(
            identity=identity,
            program=program,
            passes_key=model_key() is not None,
            dialect=dialect.tao(settings.tao_version),
        )
    if OUR_SCRIPT in script:
        identity = EngineIdentity(name="portable", version=_portable_version(), **_own_image())
        return Engine(identity=identity, program=program)
    version = hashlib.sha256(script).hexdigest()[:12]
    return Engine(identity=EngineIdentity(name="yolo_v4 on PATH", version=version), program=program)


def _own_image() -> dict[str, Any]:
    if not CONTAINER:
        return {}
    manifest = own_manifest()
    return {
        "image": CONTAINER,
        "image_digest": manifest.get("engine_digest", ""),
        "image_made": how_made(manifest),
    }


def environment(settings: Settings) -> dict[str, str]:
    """The environment of the engine; it holds the model key where the engine is given one."""
    in_container = in_image(settings)
    if settings.engine == "portable" and not in_container:
        return python_environment("yolo_v4")
    names = {**os.environ, "PYTHONUNBUFFERED": "1", "TELEMETRY_OPT_OUT": "1"}
    key = model_key() if resolve(settings).passes_key else None
    if key is not None:
        names["JAMCAM_KEY"] = key
    return container_environment(container_command(settings.platform), names) if in_container else names
