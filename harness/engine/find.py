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

from harness.engine.across_nodes import across_nodes
from harness.engine.container import container_environment, container_prefix
from harness.engine.images import how_made, image_digest, image_manifest, own_manifest
from harness.engine.request import Engine
from harness.errors import ConfigError
from harness.process.identity import CONTAINER
from harness.settings.platform import this_machine
from harness.settings.variables import Settings
from harness.workspace.layout import Workspace
from harness.workspace.marker import EngineIdentity

# Words in the console script of NVIDIA's program: since 5.0, and before.
NVIDIA_SCRIPTS = (b"nvidia_tao", b"from iva.")
OUR_SCRIPT = b"yolo_v4.cli"


@functools.cache
def resolve(settings: Settings) -> Engine:
    """The engine of these settings; whether it can start is `preflight`'s question.

    Raises:
        ConfigError: the engine is `here` and no yolo_v4 is on PATH.
    """
    if in_image(settings):
        return _container(settings)
    return {"portable": _portable, "here": _on_path}[settings.engine](settings)


def in_image(settings: Settings) -> bool:
    """Whether the engine runs in a container image: TAO always, ours where the user, not the platform, names one."""
    chosen = settings.image and not settings.origins["image"].startswith("platform")
    return settings.engine == "tao" or bool(settings.engine == "portable" and chosen)


def _portable(settings: Settings) -> Engine:
    return Engine(
        identity=EngineIdentity(name="portable", version=_portable_version()),
        prefix=(sys.executable, "-m"),
        spread=(*across_nodes(settings.nodes, settings.gpus, sys.executable), "-m") if settings.nodes > 1 else (),
        program="yolo_v4",
    )


def _portable_version() -> str:
    # Read, not imported: harness and yolo_v4 know each other by command line and files only.
    found = re.search(r'__version__ = "([^"]+)"', (package_root("yolo_v4") / "yolo_v4" / "__init__.py").read_text())
    return found[1] if found else "unknown"


def package_root(package: str) -> Path:
    """The folder that holds a package which we start and never import.

    Raises:
        ConfigError: this Python does not have it.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ConfigError(f"no package {package} beside harness", remedy="pip install -e . in the checkout")
    return Path(spec.origin).parent.parent


def python_environment(package: str) -> dict[str, str]:
    """The environment in which this Python finds a package, wherever it is started."""
    path = os.pathsep.join(filter(None, [str(package_root(package)), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": path}


def _container(settings: Settings) -> Engine:
    image, tao = settings.image, settings.engine == "tao"
    digest = image_digest(Workspace(settings.workspace), Path(image)) if image else ""
    manifest = image_manifest(Path(image), digest) if digest else {}
    # Two images that answer alike, and the inside of one and its outside, share markers where their makers know it.
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
        prefix=prefix(settings, settings.workspace),
        program="yolo_v4",
        keyed=tao and model_key() is not None,
        generation=_generation(settings) if tao else 5,
    )


def prefix(settings: Settings, folder: Path) -> tuple[str, ...]:
    """What starts a program in the image of these settings, with `folder` to work in."""
    flags = settings.platform.container_flags
    if on_wsl() and "--nvccli" not in flags:
        flags = (*flags, "--nvccli")  # --nv alone finds no driver there
    return container_prefix(
        runtime() or "apptainer",
        image=settings.image,
        workspace=folder,
        real=folder.resolve(),
        flags=flags,
        binds=settings.platform.binds,
    )


def on_wsl() -> bool:
    """Whether this Linux runs inside Windows."""
    return this_machine() == "wsl2"


def runtime() -> str | None:
    """The container program of this machine, or None."""
    return next((name for name in ("apptainer", "singularity") if shutil.which(name)), None)


def _on_path(settings: Settings) -> Engine:
    found = shutil.which("yolo_v4")
    if found is None:
        raise ConfigError("no program yolo_v4 on PATH, which ENGINE=here needs", remedy="set PATH, or ENGINE=portable")
    script = Path(found).read_bytes()
    # The real engine's name, so that markers are shared between inside and outside of a container.
    if any(word in script for word in NVIDIA_SCRIPTS):
        keyed = model_key() is not None
        identity = EngineIdentity(name="tao", version=settings.tao_version, **_own_image())
        return Engine(identity=identity, program=found, keyed=keyed, generation=_generation(settings))
    if OUR_SCRIPT in script:
        identity = EngineIdentity(name="portable", version=_portable_version(), **_own_image())
        return Engine(identity=identity, program=found)
    version = hashlib.sha256(script).hexdigest()[:12]
    return Engine(identity=EngineIdentity(name="yolo_v4 on PATH", version=version), program=found)


def _own_image() -> dict[str, Any]:
    if not CONTAINER:
        return {}
    manifest = own_manifest()
    return {
        "image": CONTAINER,
        "image_digest": manifest.get("engine_digest", ""),
        "image_made": how_made(manifest),
    }


def _generation(settings: Settings) -> int:
    return 3 if settings.tao_version.startswith("3.") else 5


def model_key() -> str | None:
    """TAO's model key from the file JAMCAM_KEY_FILE, else from JAMCAM_KEY or KEY; None where nobody gave one.

    Raises:
        ConfigError: the file cannot be read, or others than its owner may read it.
    """
    name = os.environ.get("JAMCAM_KEY_FILE")
    if not name:
        return os.environ.get("JAMCAM_KEY") or os.environ.get("KEY") or None
    path = Path(name)
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path} holds the model key, but others may read it", remedy=f"chmod 600 {path}")
        return path.read_text().strip()
    except OSError as error:
        raise ConfigError(f"cannot read the model key: {error}", remedy="correct JAMCAM_KEY_FILE") from error


def environment(settings: Settings) -> dict[str, str]:
    """The environment an engine is started with: ours, without surprises."""
    contained = in_image(settings)
    if settings.engine == "portable" and not contained:
        return python_environment("yolo_v4")
    names = {**os.environ, "PYTHONUNBUFFERED": "1", "TELEMETRY_OPT_OUT": "1"}
    key = model_key() if resolve(settings).keyed else None
    if key is not None:
        names["JAMCAM_KEY"] = key
    return container_environment(runtime() or "apptainer", names) if contained else names
