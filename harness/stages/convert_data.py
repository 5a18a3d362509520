"""convert-data: TFRecords of the train, val and test frames."""

from pathlib import Path
from typing import Any

from harness.engine.request import Request
from harness.engine.spec_text import fill
from harness.files import write_text
from harness.stages.base import Attempt, Stage
from harness.stages.gen_valid import GenValid
from harness.stages.verify import Verify
from harness.workspace.layout import staged
from harness.workspace.spec_copies import SPLITS, conversion_template


class ConvertData(Stage):
    """Writes labels and image names as the records that training reads."""

    name = "convert-data"
    revision = 1
    upstream = (Verify, GenValid)
    asks = True

    def inputs(self) -> dict[str, Any]:
        return {f"spec_{split}": self.snapshot.specs.template(conversion_template(split)) for split in SPLITS}

    def products(self) -> tuple[str, ...]:
        return tuple(_records(split) for split in SPLITS)

    def requests(self, folder: Path) -> tuple[Request, ...]:
        return tuple(self._request(split, folder) for split in SPLITS)

    def _request(self, split: str, folder: Path) -> Request:
        words = ["-d", str(folder / f"{split}.txt"), "-o", str(staged(folder, _records(split)) / split)]
        results = self.engine().dialect.results(folder / f"convert_{split}")
        if results:
            words += ["-r", str(results)]
        return Request(subcommand="dataset_convert", arguments=tuple(words), results=results)

    def perform(self, attempt: Attempt) -> None:
        for split, request in zip(SPLITS, self.requests(attempt.folder), strict=True):
            name = conversion_template(split)
            template = self.snapshot.specs.template(name)
            text = fill(template, {"workspace": str(self.workspace.root)}, where=name)
            write_text(attempt.folder / f"{split}.txt", text)
            attempt.staged(_records(split)).mkdir(exist_ok=True)
            # TAO's converter says everything twice and in the words of its modules; the log has it all.
            attempt.ask(request, shown=False)
            frames = len(list((self.workspace.data / split / "images").iterdir()))
            records = len(list(attempt.staged(_records(split)).iterdir()))
            attempt.say(f"{split}: {frames} frames in {records} file{'s' * (records != 1)}")


def _records(split: str) -> str:
    return f"data/{split}/tfrecords"
