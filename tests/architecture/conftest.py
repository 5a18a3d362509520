"""The source text that the architecture tests look at."""

import ast
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = ("harness", "made_frames", "probe", "yolo_v4")


@dataclass(frozen=True)
class Module:
    """One Python file of the packages."""

    path: Path  # absolute

    @cached_property
    def name(self) -> str:
        """Path below the checkout, such as `harness/workspace/lock.py`."""
        return self.path.relative_to(CHECKOUT).as_posix()

    @cached_property
    def package(self) -> str:
        """One of PACKAGES."""
        return self.name.split("/")[0]

    @cached_property
    def room(self) -> str:
        """The folder below the package, or the module's own name at the top: `store`, `cli`."""
        return self.name.split("/")[1].removesuffix(".py")

    @cached_property
    def text(self) -> str:
        """The source."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """The source, parsed."""
        return ast.parse(self.text)

    @property
    def is_generated(self) -> bool:
        """Written by protoc."""
        return self.name.endswith("_pb2.py")

    def imports(self) -> Iterator[str]:
        """Every dotted name imported anywhere in the file, inside functions too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.name}:{node.lineno} imports relatively"
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.fixture(scope="session")
def modules() -> list[Module]:
    """Every module of every package."""
    found = [Module(path) for package in PACKAGES for path in sorted((CHECKOUT / package).rglob("*.py"))]
    assert found
    return found


@pytest.fixture(scope="session")
def own_modules(modules: list[Module]) -> list[Module]:
    """Those written by hand."""
    return [module for module in modules if not module.is_generated]


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """Every text file that git tracks."""
    if not (CHECKOUT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout, so there is no list of tracked files")
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    paths = [CHECKOUT / name for name in listing.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:8000]]
