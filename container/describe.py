"""A note about the image this runs in, for its manifest: `describe.py NAME=VALUE…`.

Packages are listed, and `engine_digest` is what decides the engine's answers: TAO's image, or our detector
with its packages. It is the same for two images exactly where markers may be shared between them, and empty
where nobody knows.
"""

import hashlib
import json
import platform
import re
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent.parent


def describe(facts: dict[str, Any]) -> dict[str, Any]:
    """`facts`, and what is in this image."""
    # A broken installation leaves folders without a name behind.
    named = {found.metadata["Name"]: found.version for found in distributions()}
    packages = {name.lower(): version for name, version in named.items() if name}
    facts = {
        **facts,
        "packages": packages,
        "python": platform.python_version(),
        "architecture": platform.machine(),
    }
    answers, version = facts["base_digest"], facts.get("tao_version")
    if facts["engine"] == "portable":
        (version,) = re.findall(r'__version__ = "(.+)"', (HERE / "yolo_v4" / "__init__.py").read_text())
        sources = [(path.name, path.read_text()) for path in sorted((HERE / "yolo_v4").rglob("*.py"))]
        answers = hashlib.sha256(
            json.dumps([sources, packages, facts["python"]], sort_keys=True).encode()
        ).hexdigest()
    return {**facts, "engine_version": version, "engine_digest": "" if answers == "unknown" else answers}


if __name__ == "__main__":
    print(json.dumps(describe(dict(word.split("=", 1) for word in sys.argv[1:])), indent=2, sort_keys=True))
