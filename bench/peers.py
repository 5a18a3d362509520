"""The peers of `overhead.py`: how each is started, and nine stages in the files that each reads."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Peer -> its arguments behind `python`.
PEERS = {
    "doit": ("-m", "doit"),
    "luigi": ("tasks.py",),
    "snakemake": ("-m", "snakemake", "--cores", "1"),
    "dvc": ("-m", "dvc", "repro"),
}
COLD_PEERS = ("snakemake", "dvc")  # a file_dep of doit and a target of luigi are files, not folders
SPLITS = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage as peers see it. Names with a dot in their last part are files, others folders."""

    name: str
    needs: tuple[str, ...]
    makes: tuple[str, ...]
    commands: tuple[str, ...]


TRIVIAL = tuple(
    Stage(
        name=f"stage_{number}",
        needs=(f"made.{number - 1}",),
        makes=(f"made.{number}",),
        commands=(f"cp made.{number - 1} made.{number}",),
    )
    for number in range(1, 10)
)


def stage(name: str, needs: str, makes: str, *calls: str) -> Stage:
    """A stage whose commands are calls of the stub."""
    commands = tuple(f"yolo_v4 {call}" for call in calls)
    return Stage(name=name, needs=tuple(needs.split()), makes=tuple(makes.split()), commands=commands)


RECORDS = " ".join(f"data/{split}/tfrecords" for split in SPLITS)
CONVERSIONS = [f"dataset_convert -r log/{split} -o data/{split}/tfrecords/{split}" for split in SPLITS]
OWN_STAGES = (
    stage("download", "", "data/.frames/images data/.frames/labels_raw", "download -r data/.frames"),
    stage(
        "verify",
        "data/.frames/images data/.frames/labels_raw",
        "data/.frames/labels",
        "verify -r data/.frames",
    ),
    stage("gen_valid", "data/.frames/labels", "data/train/images data/val/images", "gen-valid -r data"),
)
ENGINE_STAGES = (
    stage("tune_bdb", "data/train/images", "log/kmeans", "kmeans -r log/kmeans"),
    stage("convert_data", "data/train/images data/val/images", RECORDS, *CONVERSIONS),
    stage("train", f"log/kmeans {RECORDS}", "experiment/weights", "train -r experiment"),
    stage("eval", "experiment/weights", "log/eval", "evaluate -r log/eval/test", "evaluate -r log/eval/val"),
    stage("vis", "experiment/weights", "experiment/pictures", "inference -r experiment/pictures"),
    stage(
        "export",
        "experiment/weights",
        "experiment/export",
        "export -r log/export -o experiment/export/model.onnx",
    ),
)
LUIGI = """import luigi

class Stage(luigi.Task):
    number = luigi.IntParameter()

    def requires(self):
        return [Stage(number=self.number - 1)] if self.number > 1 else []

    def output(self):
        return luigi.LocalTarget(f"made.{self.number}")

    def run(self):
        with self.output().open("w") as stream:
            stream.write("made")

luigi.build([Stage(number=number) for number in range(1, 10)], local_scheduler=True)
"""


def write_project(peer: str, folder: Path, stages: Sequence[Stage]) -> None:
    """Write the files that tell `peer` about `stages`."""
    folder.mkdir(parents=True)
    (folder / "made.0").write_text("made")
    if peer == "luigi":
        (folder / "tasks.py").write_text(LUIGI)
    elif peer == "doit":
        tasks = [
            {"name": stage.name, "file_dep": stage.needs, "targets": stage.makes, "actions": stage.commands}
            for stage in stages
        ]
        (folder / "dodo.py").write_text(f"def task_all():\n    yield from {tasks!r}\n")
    elif peer == "snakemake":
        (folder / "Snakefile").write_text(_snakefile(stages))
    else:
        described = {
            stage.name: {"cmd": stage.commands, "deps": stage.needs, "outs": stage.makes} for stage in stages
        }
        (folder / "dvc.yaml").write_text(json.dumps({"stages": described}))


def _snakefile(stages: Sequence[Stage]) -> str:
    def declared(name: str) -> str:
        return repr(name) if Path(name).suffix[1:].isdigit() else f"directory({name!r})"

    rules = [f"rule all:\n    input: {[name for stage in stages for name in stage.makes]!r}\n"]
    for stage in stages:
        outputs = ", ".join(map(declared, stage.makes))
        shell = " && ".join(stage.commands)
        rules.append(
            f"rule {stage.name}:\n    input: {stage.needs!r}\n    output: {outputs}\n    shell: {shell!r}\n"
        )
    return "\n".join(rules)
