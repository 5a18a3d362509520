"""A call of `yolo_v4`, the program that takes it, and the argument list of the two."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.engine.dialect import PORTABLE, Dialect
from harness.workspace.marker import EngineIdentity

# Sub-commands that take TAO's model key.
TAKE_KEY = frozenset({"train", "evaluate", "inference", "export"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One call: `results` is the folder for the engine's status.json, None where it writes none."""

    subcommand: str
    arguments: tuple[str, ...]
    results: Path | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """A program that answers requests."""

    identity: EngineIdentity
    program: str
    packages: Mapping[str, str] = field(default_factory=dict)  # of the image it is in, by its manifest
    prefix: tuple[str, ...] = ()  # what stands in front of the program: an interpreter, a container
    multi_node_prefix: tuple[str, ...] = ()  # the same where training goes over several machines
    passes_key: bool = False  # JAMCAM_KEY of its environment is handed over as -k
    dialect: Dialect = PORTABLE

    def argv(self, request: Request) -> tuple[str, ...]:
        """The argument list of a request; it holds no secret, whatever the engine."""
        words = (self.program, request.subcommand, *request.arguments)
        if self.multi_node_prefix and request.subcommand == "train":
            return (*self.multi_node_prefix, *words)
        if not self.passes_key or request.subcommand not in TAKE_KEY:
            return (*self.prefix, *words)
        # A shell, inside the container where there is one, puts the key in: no list that we show or keep has
        # it.
        return (*self.prefix, "sh", "-c", 'exec "$0" "$@" -k "$JAMCAM_KEY"', *words)
