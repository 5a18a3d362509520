"""A choice of a number format is kept once for each machine and network; a damaged file counts for none."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from yolo_v4.network.kept_choices import KeptChoice, every, folder, keep, read

KEY = {"formats": ["fp32", "bf16"], "processor": "made up", "torch": "2.9.9+cpu", "size": "64x64x3"}
FAST = KeptChoice(seconds={"fp32": 2.0, "bf16": 1.0}, chosen="bf16", measured_utc="2026-01-02T03:04:05Z")
SLOW = KeptChoice(seconds={"fp32": 1.0, "bf16": 2.0}, chosen="fp32", measured_utc="2026-02-02T03:04:05Z")


def test_what_is_kept_is_read_again() -> None:
    assert read(KEY) is None
    assert keep(KEY, FAST) == FAST
    assert read(KEY) == FAST
    assert [*every("made up")] == [(KEY, FAST)]


@pytest.mark.parametrize("other", [{"processor": "another"}, {"torch": "2.9.9+cu129"}, {"size": "96x64x3"}])
def test_another_processor_build_or_network_has_an_answer_of_its_own(other: dict[str, str]) -> None:
    keep(KEY, FAST)

    assert read({**KEY, **other}) is None
    assert keep({**KEY, **other}, SLOW) == SLOW
    assert read(KEY) == FAST


def test_the_first_answer_stays() -> None:
    keep(KEY, FAST)

    assert keep(KEY, SLOW) == FAST
    assert read(KEY) == FAST


def sound(cache: Path) -> dict[str, object]:
    keep(KEY, FAST)
    (path,) = cache.iterdir()
    return dict(json.loads(path.read_text()))


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"chosen": "fp64"},
        {"chosen": "bf16", "seconds": {"fp32": 1.0, "bf16": 2.0}},  # it is not what these times choose
        {"measured_utc": "yesterday\n\x1b[31m"},
        {"measured_utc": 7},
        {"chosen": None},
        {"seconds": {"fp32": 2.0, "bf16": 0.0}},
        {"seconds": {"fp32": 2.0, "bf16": float("nan")}},
        {"seconds": {"fp32": 2.0, "bf16": "1"}},
        {"seconds": {"fp32": 2.0}},
        {"seconds": [1, 2]},
        {"key": {**KEY, "torch": "another"}},
        {"key": []},
    ],
)
def test_a_file_that_is_not_as_it_was_written_is_no_answer_and_is_replaced(
    cache: Path, change: dict[str, object]
) -> None:
    table = sound(cache)
    (path,) = cache.iterdir()
    path.write_text(json.dumps({**table, **change}))

    with pytest.raises(ValueError, match=r"\w"):
        read(KEY)
    assert keep(KEY, SLOW) == SLOW
    assert read(KEY) == SLOW


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_is_no_json_is_no_answer_and_is_replaced(cache: Path, content: bytes) -> None:
    sound(cache)
    (path,) = cache.iterdir()
    path.write_bytes(content)

    with pytest.raises(ValueError, match=r"\w"):
        read(KEY)
    assert [*every("made up")] == []
    assert keep(KEY, SLOW) == SLOW


def test_where_nothing_can_be_written_the_system_says_why(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        keep(KEY, FAST)


def test_a_file_system_without_hard_links_will_do(cache: Path, monkeypatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)

    assert keep(KEY, FAST) == FAST
    assert read(KEY) == FAST
    assert len([*cache.iterdir()]) == 1


@pytest.mark.parametrize(
    ("told", "expected"), [("", ".cache"), ("relative/path", ".cache"), ("/x/y", "/x/y")]
)
def test_the_folder_is_that_of_the_users_cache(monkeypatch, tmp_path: Path, told: str, expected: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", told)

    assert folder() == tmp_path / expected / "yolo_v4" / "numbers"


def test_processes_that_measure_at_once_get_one_answer_and_leave_one_file(cache: Path) -> None:
    program = (
        "import sys; from yolo_v4.network.kept_choices import KeptChoice, keep;"
        "sys.stdin.readline();"
        "seconds = {'fp32': 1.0, 'bf16': 2.0 if sys.argv[1] == 'fp32' else 0.5};"
        "own = KeptChoice(seconds=seconds, chosen=sys.argv[1], measured_utc='2026-01-02T03:04:05Z');"
        f"print(keep({KEY}, own).chosen)"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, ("fp32", "bf16")[number % 2]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(6)
    ]
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = {process.communicate(timeout=60)[0] for process in started}

    assert len(answers) == 1
    assert answers <= {"fp32\n", "bf16\n"}
    assert len([*cache.iterdir()]) == 1
