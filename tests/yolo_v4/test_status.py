import json
import re
from pathlib import Path
from typing import Any

import pytest

from yolo_v4.errors import DataError
from yolo_v4.status import StatusLog, reported, status_path


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_has_taos_keys_in_taos_order(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "status.json"
    log = StatusLog(path)
    log.write(
        "RUNNING",
        "at work",
        data={"epoch": 1},
        kpi={"k": 1},
        graphical={"loss": "2.0"},
        categorical={"c": {}},
    )
    (line,) = _lines(path)
    expected = ["epoch", "date", "time", "status", "verbosity", "message", "categorical", "graphical", "kpi"]
    assert list(line) == expected
    assert (line["status"], line["verbosity"], line["message"]) == ("RUNNING", "INFO", "at work")
    assert re.fullmatch(r"[1-9]\d?/[1-9]\d?/\d{4}", line["date"])
    assert re.fullmatch(r"\d\d?:\d\d?:\d\d?", line["time"])


def test_kpi_stays_until_it_is_replaced(tmp_path: Path) -> None:
    log = StatusLog(tmp_path / "status.json")
    log.write("RUNNING", "first", kpi={"k": 1})
    log.write("RUNNING", "second")
    log.write("SUCCESS", "third", kpi={"k": 2})
    assert [line["kpi"] for line in _lines(tmp_path / "status.json")] == [{"k": 1}, {"k": 1}, {"k": 2}]


def test_a_line_that_was_cut_off_takes_no_other_with_it(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    path.write_text('{"status": "RUN')
    StatusLog(path).write("STARTED", "again")
    StatusLog(path).write("RUNNING", "on")
    assert path.read_text().splitlines()[0] == '{"status": "RUN'
    assert [json.loads(line)["message"] for line in path.read_text().splitlines()[1:]] == ["again", "on"]


@pytest.mark.parametrize(("append", "expected"), [(True, ["old", "new"]), (False, ["new"])])
def test_an_old_file_is_kept_or_replaced(tmp_path: Path, append: bool, expected: list[str]) -> None:
    path = tmp_path / "status.json"
    StatusLog(path).write("SUCCESS", "old")
    StatusLog(path, append=append).write("SUCCESS", "new")
    assert [line["message"] for line in _lines(path)] == expected


def test_without_a_folder_nothing_is_written_and_echo_still_hears() -> None:
    heard: list[str] = []
    StatusLog(status_path(None), echo=heard.append).write("STARTED", "hello")
    assert heard == ["hello"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (DataError("a bad label", remedy="mend it"), "a bad label"),
        (KeyboardInterrupt(), "was interrupted"),
        (ZeroDivisionError("a slip"), "a slip"),
    ],
)
def test_work_that_does_not_come_to_its_end_is_a_failure(
    tmp_path: Path, error: BaseException, message: str
) -> None:
    path = tmp_path / "status.json"
    with pytest.raises(type(error)), reported(StatusLog(path), started="go", failed="was interrupted"):
        raise error
    assert [(line["status"], line["message"]) for line in _lines(path)] == [
        ("STARTED", "go"),
        ("FAILURE", message),
    ]
