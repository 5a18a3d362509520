"""What differs between the programs called `yolo_v4`: file names, flags, and what they leave as evidence.

Sources: NVIDIA's user guide of TAO 3.21.11, and the published source of TAO 5.0.0. What 4.x takes is not
known; it is asked as 5.0 is.
"""

from dataclasses import dataclass
from pathlib import Path

from harness.settings.numbers import AUTO, FP32


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    """One program's command line and files, as far as the stages depend on them."""

    checkpoint_suffix: str
    export_suffix: str
    takes_results_folder: (
        bool  # each sub-command, not train alone: -r or --results_dir, where it writes status.json
    )
    always_writes_status: bool  # where False, a missing status.json is no failure
    writes_class_names: bool  # train leaves model_output_labels.txt
    needs_key: bool  # refuses to work without -k
    tells_steps: bool  # status.json has the duration of each training step
    has_additions: bool  # what NVIDIA's lacks: detections.jsonl, --data_licence of export, --numbers

    def numbers(self, asked: str) -> tuple[str, ...]:
        """What asks `train` for a number format: TAO's flag where it says it, which to ours means auto."""
        if asked == FP32:
            return ()
        return ("--numbers", asked) if self.has_additions and asked != AUTO else ("--use_amp",)

    def results(self, folder: Path) -> Path | None:
        """`folder` where the program takes a folder for its status.json, None where it does not."""
        return folder if self.takes_results_folder else None


PORTABLE = Dialect(
    checkpoint_suffix=".pt",
    export_suffix=".onnx",
    takes_results_folder=True,
    always_writes_status=True,
    writes_class_names=True,
    needs_key=False,
    tells_steps=True,
    has_additions=True,
)
TAO_3 = Dialect(
    checkpoint_suffix=".tlt",
    export_suffix=".etlt",
    takes_results_folder=False,
    always_writes_status=False,
    writes_class_names=False,
    needs_key=True,
    tells_steps=False,
    has_additions=False,
)
TAO_5 = Dialect(
    checkpoint_suffix=".hdf5",
    export_suffix=".onnx",
    takes_results_folder=True,
    always_writes_status=False,
    writes_class_names=True,
    needs_key=False,
    tells_steps=False,
    has_additions=False,
)


def tao(version: str) -> Dialect:
    """The dialect of a TAO release, such as 3.21.11, 4.0.0 or 5.0.0."""
    return TAO_3 if version.partition(".")[0] == "3" else TAO_5
