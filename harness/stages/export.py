"""export: the trained model as ONNX, with the files that an inference server reads beside it."""

from pathlib import Path
from typing import Any

from harness.engine.model_key import model_key
from harness.engine.request import Request
from harness.errors import StageFailed
from harness.files import write_text
from harness.stages.base import Attempt, Stage
from harness.stages.experiment import run_file
from harness.stages.train import Train
from harness.workspace.layout import staged

RESULTS = "experiment/export"


class Export(Stage):
    """Writes the model for use elsewhere."""

    name = "export"
    revision = 2
    upstream = (Train,)
    asks = True
    uses_model = True

    def inputs(self) -> dict[str, Any]:
        return {
            **self.experiment.inputs(),
            **self.experiment.choice(),
            "precision": self.settings.recipe.precision,
            "licence": self.settings.dataset.licence,
        }

    def products(self) -> tuple[str, ...]:
        return (RESULTS,)

    def requests(self, folder: Path) -> tuple[Request, ...]:
        engine, target = self.engine(), staged(folder, RESULTS)
        precision = self.settings.recipe.precision
        suffix = engine.dialect.export_suffix
        words = ["-m", str(self.experiment.trained_model(engine)), "-e", str(run_file(folder, "export"))]
        words += ["-o", str(target / f"yolov4_{self.experiment.network}{suffix}"), "--data_type", precision]
        words += ["--gen_ds_config"]
        if engine.dialect.has_additions and self.settings.dataset.licence:
            words += ["--data_licence", self.settings.dataset.licence]
        if precision == "int8":
            words += ["--force"] if self.settings.forced and engine.dialect.has_additions else []
            words += ["--cal_image_dir", str(self.workspace.data / "train" / "images")]
            words += [
                "--cal_data_file",
                str(folder / "cal.tensorfile"),
                "--cal_cache_file",
                str(target / "cal.bin"),
            ]
        results = engine.dialect.results(folder / "export")
        if results:
            words += ["--results_dir", str(results)]
        return (Request(subcommand="export", arguments=tuple(words), results=results),)

    def perform(self, attempt: Attempt) -> None:
        self.experiment.require_choice()
        self.experiment.write_run_file(attempt.folder, "export", validation="test")
        (request,) = self.requests(attempt.folder)
        attempt.staged(RESULTS).mkdir()
        try:
            attempt.ask(request)
        except StageFailed as error:
            raise self._with_the_way_to_force(error) from error
        self._take_out_key(attempt.staged(RESULTS))
        self._give_back_names(attempt.staged(RESULTS) / "labels.txt")

    def _with_the_way_to_force(self, error: StageFailed) -> StageFailed:
        # The engine names its own flag, which nobody gives who goes through the stages.
        settings = self.settings
        if settings.recipe.precision != "int8" or settings.forced or not self.engine().dialect.has_additions:
            return error
        again = settings.command(self.name)
        force = f"{again} FORCE=1" if settings.via_make else f"{again} --force"
        return StageFailed(
            error.message, remedy=f"{error.remedy}; int8 that could not be judged is written by: {force}"
        )

    def _give_back_names(self, path: Path) -> None:
        # Labels and specs have plain names of classes; who reads this list may see the user's own.
        own = self.settings.dataset.own_names
        if own and path.exists():
            names = path.read_text().splitlines()
            write_text(path, "".join(f"{own.get(name.lower(), name)}\n" for name in names))

    def _take_out_key(self, folder: Path) -> None:
        # TAO writes the model key into nvinfer_config.txt, and a product is something people hand on.
        key = model_key()
        for path in folder.glob("*.txt") if key else ():
            text = path.read_text()
            if key and f"tlt-model-key={key}" in text:
                write_text(path, text.replace(f"tlt-model-key={key}", "tlt-model-key=<your key>"))
