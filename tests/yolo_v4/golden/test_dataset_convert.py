"""Every recorded conversion or refusal of NVIDIA's converter: files, records, status and console text."""

import json
import math
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from yolo_v4.cli import main
from yolo_v4.data.tfrecord import BYTES_FEATURES, INT_FEATURES, decode, read_records

ROOT = "/workspace/data"


@pytest.fixture
def records(topic) -> Path:
    return topic("tfrecords")


@pytest.fixture
def converted(records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> "Conversions":
    return Conversions(records, tmp_path, capsys)


class Conversions:
    """Runs our converter where the original ran, as far as texts can tell."""

    def __init__(self, golden: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.golden = golden
        self.root = root
        self._capsys = capsys

    def run(self, spec: str, arguments: list[str]) -> tuple[int, str]:
        """Exit status, and console text without times."""
        (self.root / "spec.txt").write_text(self._here(spec))
        status = main(["dataset_convert", *map(self._here, arguments)])
        console = self._capsys.readouterr().err.replace(str(self.root), ROOT)
        return status, re.sub(
            r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ", "<time> ", console, flags=re.MULTILINE
        )

    def frames(self, folder: str, images: list[str], labels: dict[str, str | None]) -> None:
        for kind in ("images", "labels"):
            (self.root / folder / kind).mkdir(parents=True)
        for image in images:
            shutil.copyfile(self.golden / "inputs" / "images" / image, self.root / folder / "images" / image)
        for stem, label in labels.items():
            if label is not None:
                (self.root / folder / "labels" / f"{stem}.txt").write_bytes(label.encode())

    def status(self) -> list[dict[str, Any]]:
        text = (self.root / "results" / "status.json").read_text().replace(str(self.root), ROOT)
        return [{**json.loads(line), "date": "<date>", "time": "<time>"} for line in text.splitlines()]

    def records(self) -> dict[str, list[dict[str, Any]]]:
        return _records(file for file in (self.root / "tfr").glob("*") if file.name != "train_warning.json")

    def warnings(self) -> Any:
        path = self.root / "tfr" / "train_warning.json"
        return json.loads(path.read_text().replace(str(self.root), ROOT)) if path.exists() else None

    def _here(self, text: str) -> str:
        return text.replace(ROOT, str(self.root))


def test_every_run_on_the_frames_is_nvidias_to_the_letter(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], compared
) -> None:
    for folder in sorted(records.glob("run_*")):
        result = json.loads((folder / "result.json").read_text())
        root = tmp_path / folder.name
        root.mkdir()
        converted = Conversions(records, root, capsys)
        (root / "train").symlink_to(records / "inputs")
        status, console = converted.run((folder / "spec.txt").read_text(), result["arguments"])
        console_text, name = (folder / "console.txt").read_text(), folder.name.removeprefix("run_")
        _compare(converted, result, status, console, console_text, name)
        compared("tfrecords/run_*", 1)


def test_labels_at_the_edge_of_the_format_are_read_as_nvidia_reads_them(
    converted: "Conversions", topic, compared
) -> None:
    edge = json.loads(topic("tfrecords/edge/edge.json").read_text())
    labels = {stem: label["label"] for stem, label in edge["labels"].items()}
    converted.frames("edge", [f"{stem}.jpg" for stem in labels], labels)
    result = edge["result"]
    status, console = converted.run(edge["spec"], result["arguments"])
    _compare(converted, result, status, console, result["console"], "edge")
    compared("tfrecords/edge", len(labels))


def test_every_small_case_ends_as_with_nvidia(
    topic, records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], compared
) -> None:
    cases = json.loads(topic("tfrecords/cases.json").read_text())["cases"]
    for case in cases:
        root = tmp_path / case["name"]
        root.mkdir()
        converted = Conversions(records, root, capsys)
        converted.frames("case", case["images"], case["labels"])
        result = case["result"]
        status, console = converted.run(case["spec"], result["arguments"])
        _compare(converted, result, status, console, result["console"], case["name"])
    compared("tfrecords/cases.json", len(cases))


def test_the_record_files_that_nvidia_wrote_can_be_read(records: Path, compared) -> None:
    for folder in sorted(records.glob("*/shards")):
        name, found = folder.parent.name, _records(folder.iterdir())
        result = json.loads((folder.parent / ("edge.json" if name == "edge" else "result.json")).read_text())
        _compare_records(found, result.get("result", result), name)
        compared("tfrecords/*/shards", len(found))


def _records(files: Iterable[Path]) -> dict[str, list[dict[str, Any]]]:
    return {file.name: [_typed(decode(record)) for record in read_records(file)] for file in sorted(files)}


def _compare(
    converted: Conversions, result: dict[str, Any], status: int, console: str, text: str, name: str
) -> None:
    assert status == result["exit"], name
    found, expected = converted.status(), result["status_json"]
    if result["exit"]:
        assert _words(result["error_type"], result["error"]) in found[-1]["message"], name
        assert {**found[-1], "message": ""} == {**expected[-1], "message": ""}, name
        assert found[:-1] == expected[:-1], name
        assert f"error: {found[-1]['message']}" in console, name
        lines = text.rstrip("\n").rpartition("\n")[0]  # but for the last, which holds the error
        told = console.partition("error: ")[0].rstrip("\n").rpartition("\n")[0]
        # The original writes such records and then fails to count them; here the label is refused before.
        sooner = result["error_type"] == "UnicodeDecodeError"
        assert told == lines or (sooner and lines.startswith(told)), name
        _compare_records(
            converted.records(), result, name
        )  # the original leaves the file that it had begun, too
        return
    assert found == expected, name
    told, _, warning = console.partition("warning: ")
    assert told.rstrip("\n") == text.rstrip("\n"), name
    assert bool(warning) == (not result["files"]), name
    records = converted.records()
    assert list(records) == result["files"], name
    assert converted.warnings() == result["warning_json"], name
    _compare_records(records, result, name)


def _compare_records(records: dict[str, list[dict[str, Any]]], result: dict[str, Any], name: str) -> None:
    for file, found in records.items():
        if "examples" in result:
            assert str(found) == str(result["examples"][file]), (
                name,
                file,
            )  # as text: 0, 0.0 and -0.0 differ
        else:
            assert [record["frame/id"]["value"][0] for record in found] == result["frame_ids"][file], (
                name,
                file,
            )


def _words(kind: str, error: str) -> str:
    """What of a refusal ours says too: all of it; where the words are Python's or protobuf's, the fact."""
    if kind == "ParseError":
        return error.split(" ")[0]  # line:column
    if kind == "FileNotFoundError":
        return error.split("'")[1] or "without a folder"
    return "has no kitti_config" if kind == "TypeError" else error


def _typed(features: dict[str, list[Any]]) -> dict[str, dict[str, Any]]:
    typed = {}
    for key, values in sorted(features.items()):
        kind = (
            "bytes_list" if key in BYTES_FEATURES else "int64_list" if key in INT_FEATURES else "float_list"
        )
        plain = [value.decode() if isinstance(value, bytes) else value for value in values]
        texts = [
            str(value) if kind == "float_list" and not math.isfinite(value) else value for value in plain
        ]
        typed[key] = {"type": kind, "value": texts}
    return typed
