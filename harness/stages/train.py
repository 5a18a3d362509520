"""train: weights, from the last complete checkpoint where an earlier try was cut short."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.engine.answers import best_checkpoint, checkpoints, whole_checkpoints
from harness.engine.request import Request
from harness.engine.spec_text import may_stop_early
from harness.engine.training_log import epochs_done, last_loss
from harness.files import link_or_copy, write_text
from harness.settings.numbers import AUTO, EARLIER, asking_for, numbers_of
from harness.stages.base import Attempt, Stage
from harness.stages.convert_data import ConvertData
from harness.stages.download import Download, pretrained_product
from harness.stages.experiment import WEIGHTS, run_file
from harness.stages.gen_valid import GenValid
from harness.stages.tune_bdb import TuneBdb
from harness.workspace.layout import STATUS, staged
from harness.workspace.marker import Marker

RESULTS = "experiment"


def furthest(tries: Iterable[Path], epochs: int) -> tuple[Path | None, list[tuple[int, Path]]]:
    """The folder of the try that came furthest, of equal ones the first, and its whole checkpoints by epoch.

    Those of the last of `epochs` are left out: it is trained again, so that the engine writes its closing
    files itself. (None, []) where no try has one. The newest try is not asked for: a clock that was set
    decides which that is, and a later one has taken over what an earlier one made.
    """
    saved = {
        folder: [one for one in whole_checkpoints(staged(folder, RESULTS)) if one[0] < epochs]
        for folder in tries
    }
    best = max(saved, key=lambda folder: saved[folder][-1][0] if saved[folder] else 0, default=None)
    return (best, saved[best]) if best and saved[best] else (None, [])


class Train(Stage):
    """Trains the network, and goes on where an earlier attempt of the same settings was cut short."""

    name = "train"
    revision = 2
    upstream = (Download, GenValid, TuneBdb, ConvertData)
    asks = True
    uses_model = True

    def inputs(self) -> dict[str, Any]:
        return {
            **self.experiment.inputs(),
            "gpus": self.settings.gpus,
            "numbers": self.settings.numbers,
            **({"nodes": self.settings.nodes} if self.settings.nodes > 1 else {}),
            "pretrained": pretrained_product(self.settings),
        }

    def as_now(self, ingredients: Mapping[str, Any], marker: Marker) -> Mapping[str, Any]:
        """The number format had another key in earlier versions, and `auto` is the format that it chose."""
        inputs = ingredients.get("inputs")
        if not isinstance(inputs, Mapping) or (numbers := numbers_of(inputs)) is None:
            return ingredients
        used = {asking_for(each.get("number_format")) for each in marker.numerics}
        if numbers == AUTO and used == {self.settings.numbers}:
            numbers = self.settings.numbers
        rest = {name: value for name, value in inputs.items() if name != EARLIER}
        return {**ingredients, "inputs": {**rest, "numbers": numbers}}

    def products(self) -> tuple[str, ...]:
        files = [WEIGHTS, f"{RESULTS}/{self.settings.recipe.spec}"]
        files.append(f"{RESULTS}/yolov4_training_log_{self.experiment.network}.csv")
        if self.engine().dialect.writes_class_names:
            files.append(f"{RESULTS}/model_output_labels.txt")
        return tuple(files)

    def requests(self, folder: Path) -> tuple[Request, ...]:
        results = staged(folder, RESULTS)
        words = ["-e", str(run_file(folder, "train")), "-r", str(results), "--gpus", str(self.settings.gpus)]
        words += self.engine().dialect.numbers(self.settings.numbers)
        return (Request(subcommand="train", arguments=tuple(words), results=results),)

    def perform(self, attempt: Attempt) -> None:
        from harness.stages.staging import inputs_near  # only a run needs it

        results = attempt.staged(RESULTS)
        (results / "weights").mkdir(parents=True)
        pretrained = pretrained_product(self.settings)
        resumed = self._carry_on(attempt, results)
        if resumed:
            start = f'resume_model_path: "{resumed}"'
        else:
            start = pretrained and f'pretrain_model_path: "{self.workspace.path(pretrained)}"'
        (request,) = self.requests(attempt.folder)
        with inputs_near(attempt, ("train", "val")) as inputs:
            self.experiment.write_run_file(attempt.folder, "train", inputs=inputs, starting_point=start)
            attempt.ask(request)
        self._check(attempt, results)
        self._tell(attempt, results)
        as_used = pretrained and f'pretrain_model_path: "./{pretrained}"'
        spec = self.experiment.filled(workspace=".", starting_point=as_used)
        write_text(results / self.settings.recipe.spec, spec)
        self._keep_logs(attempt, results)

    def _carry_on(self, attempt: Attempt, results: Path) -> Path | None:
        """Take over whole checkpoints of the furthest try of the same fingerprint; the last one, or None."""
        earlier, saved = furthest(attempt.earlier(), self.settings.epochs)
        if earlier is None:
            return None
        for _, path in saved:
            link_or_copy(path, results / "weights" / path.name)
        status = staged(earlier, RESULTS) / STATUS
        (results / STATUS).write_bytes(status.read_bytes())
        epoch, path = saved[-1]
        attempt.say(f"goes on after epoch {epoch} of the try {earlier.name}")
        return results / "weights" / path.name

    def _check(self, attempt: Attempt, results: Path) -> None:
        # TAO ends well after a loss that is not a number: the promised last checkpoint is what tells, and
        # where training may stop early, the loss of the last epoch.
        epochs = [epoch for epoch, _ in checkpoints(results / "weights")]
        if epochs and epochs[-1] == self.settings.epochs:
            return
        stopped_early = epochs and may_stop_early(self.experiment.template)
        if not stopped_early or last_loss(self._log(results)) is None:
            ended = "; the loss at the end of the training log is no number" if stopped_early else ""
            raise attempt.error(
                f"expected a checkpoint of epoch {self.settings.epochs} in the end, "
                f"found checkpoints of epochs: {', '.join(map(str, epochs)) or 'none'}{ended}"
            )

    def _log(self, results: Path) -> str:
        log = results / f"yolov4_training_log_{self.experiment.network}.csv"
        return log.read_text(errors="replace") if log.is_file() else ""

    def _tell(self, attempt: Attempt, results: Path) -> None:
        """Say where training stopped early, and which checkpoint found most on the validation frames."""
        saved = [epoch for epoch, _ in checkpoints(results / "weights")]
        done = epochs_done(self._log(results))
        if saved[-1] < self.settings.epochs:
            ended = f"early after epoch {done} of {self.settings.epochs}" if done else "early"
            attempt.say(
                f"training stopped {ended}, as the spec allows; the last checkpoint is of epoch {saved[-1]}"
            )
        if best := best_checkpoint(results):
            score = f"mAP {best.mean_average_precision:.4f} on the validation frames"
            told = f"epoch {best.epoch} of {done}, {score}"
            place = self.workspace.path(f"{WEIGHTS}/{best.path.name}")
            attempt.say(f"best checkpoint: {told}: {place}")
            attempt.noted["best_checkpoint"] = f"{told}: {WEIGHTS}/{best.path.name}"
        else:
            attempt.say("best checkpoint: cannot tell by the training log")

    def _keep_logs(self, attempt: Attempt, results: Path) -> None:
        products = {Path(product).name for product in self.products()}
        for path in sorted(results.iterdir()):
            if path.name not in products:
                path.rename(attempt.folder / path.name)
