"""Data-set files: `specs/datasets/<name>.toml`, or one of the user's own."""

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from harness.domain.dataset import Dataset, read_dataset
from harness.store.declared import find_declared, read_toml


def load_dataset(name_or_path: str) -> Dataset:
    """The data set of that name, or that the file at that path describes.

    A relative address (`file:frames.zip`) is meant from the file's folder.

    Raises:
        ConfigError: no such file, or one that cannot be right.
    """
    path = find_declared("datasets", name_or_path)

    def absolute(address: str) -> str:
        parts = urlsplit(address)
        if parts.scheme != "file" or parts.netloc:
            return address
        return (path.parent / url2pathname(parts.path)).resolve().as_uri()

    return read_dataset({"name": path.stem, **read_toml(path)}, where=str(path), resolve=absolute)


def local_path(address: str) -> Path:
    """The file that a `file:` address names."""
    return Path(url2pathname(urlsplit(address).path))
