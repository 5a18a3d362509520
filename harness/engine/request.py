"""What the harness asks of `yolo_v4`, and the argument list that asks it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.workspace.marker import EngineIdentity

# Sub-commands that take TAO's model key.
KEYED = frozenset({"train", "evaluate", "inference", "export"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One call: `results` is the folder where the engine will write its status.json, None where it writes none."""

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
    spread: tuple[str, ...] = ()  # the same where training goes over several machines
    keyed: bool = False  # JAMCAM_KEY of its environment is handed over as -k
    generation: int = 5  # of TAO's flags: 3 or 5

    def argv(self, request: Request) -> tuple[str, ...]:
        """The argument list of a request; it holds no secret, whatever the engine."""
        words = (self.program, request.subcommand, *request.arguments)
        if self.spread and request.subcommand == "train":
            return (*self.spread, *words)
        if not self.keyed or request.subcommand not in KEYED:
            return (*self.prefix, *words)
        # A shell, inside the container where there is one, puts the key in: no list that we show or keep has it.
        return (*self.prefix, "sh", "-c", 'exec "$0" "$@" -k "$JAMCAM_KEY"', *words)
