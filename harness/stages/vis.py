"""vis: the boxes that the model finds, drawn on some of the test frames."""

from pathlib import Path
from typing import Any

from harness.engine.request import Request
from harness.files import link_or_copy, remove
from harness.stages.base import Attempt, Stage
from harness.stages.experiment import run_file
from harness.stages.train import Train
from harness.stages.verify import Verify
from harness.workspace.layout import STATUS, staged

RESULTS = "experiment/visualisations"
PRODUCTS = (f"{RESULTS}/images_annotated", f"{RESULTS}/labels")


class Vis(Stage):
    """Draws boxes on frames, and writes them as KITTI labels."""

    name = "vis"
    revision = 1
    upstream = (Verify, Train)
    asks = True
    uses_model = True

    def inputs(self) -> dict[str, Any]:
        recipe = self.settings.recipe
        return {
            **self.experiment.inputs(),
            **self.experiment.choice(),
            "frames": recipe.vis_frames,
            "threshold": recipe.vis_threshold,
        }

    def products(self) -> tuple[str, ...]:
        return PRODUCTS

    def requests(self, folder: Path) -> tuple[Request, ...]:
        engine, results = self.engine(), staged(folder, RESULTS)
        words = ["-m", str(self.experiment.trained_model(engine)), "-e", str(run_file(folder, "vis"))]
        words += ["-i", str(staged(folder, "frames")), "-t", str(self.settings.recipe.vis_threshold)]
        if engine.dialect.takes_results_folder:
            words += ["-r", str(results)]
            return (Request(subcommand="inference", arguments=tuple(words), results=results),)
        words += ["-o", str(results / "images_annotated"), "-l", str(results / "labels")]
        return (Request(subcommand="inference", arguments=tuple(words), results=None),)

    def perform(self, attempt: Attempt) -> None:
        self.experiment.require_choice()
        self.experiment.write_run_file(attempt.folder, "vis", validation="test")
        for frame in self._chosen():
            link_or_copy(frame, attempt.staged(f"frames/{frame.name}"))
        results = attempt.staged(RESULTS)
        results.mkdir()
        (request,) = self.requests(attempt.folder)
        attempt.ask(request)
        if (results / STATUS).exists():
            (results / STATUS).rename(attempt.folder / STATUS)
        remove(attempt.staged("frames"))

    def _chosen(self) -> list[Path]:
        """Test frames spread evenly over the sorted names, so that day and night both appear."""
        frames = sorted((self.workspace.data / "test" / "images").iterdir())
        count = min(self.settings.recipe.vis_frames, len(frames))
        return [frames[place * len(frames) // count] for place in range(count)]
