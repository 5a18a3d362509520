"""TAO's model key, a secret: from a file or the environment, and handed to the engine's process only."""

import os
from pathlib import Path

from harness.errors import ConfigError


def model_key() -> str | None:
    """TAO's model key from the file JAMCAM_KEY_FILE, else from JAMCAM_KEY or KEY; None where none is given.

    Raises:
        ConfigError: the file cannot be read, others than its owner may read it, or it holds no key.
    """
    name = os.environ.get("JAMCAM_KEY_FILE")
    if not name:
        return os.environ.get("JAMCAM_KEY") or os.environ.get("KEY") or None
    path = Path(name)
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(
                f"{path} holds the model key, but others may read it", remedy=f"chmod 600 {path}"
            )
        key = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the model key: {error}", remedy="correct JAMCAM_KEY_FILE") from error
    if not key:
        raise ConfigError(f"{path} should hold the model key, and is empty", remedy="write the key into it")
    return key
