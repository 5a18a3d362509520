"""What a reproduction says of runs that were altered, and of other surroundings: as written down before."""

import json
from pathlib import Path

import pytest

from harness.settings.declared import read_toml
from tests.system import alterations

pytest.importorskip("torch", reason="the portable engine needs torch")
pytestmark = [pytest.mark.slow, pytest.mark.system]
EXPECTED = read_toml(alterations.LISTED)
# None of these may change a byte: they are tried all at once here, and one by one by `alterations.py`.
HARMLESS = (
    *("the-locale", "the-time-zone", "the-clock", "the-order-of-sets", "the-umask"),
    "a-seed-in-the-environment",
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A workspace of the smoke recipe, and its reproduction in harmless surroundings."""
    import subprocess
    import sys

    source = tmp_path_factory.mktemp("there") / "workspace"
    words = ["all", "--recipe=smoke", f"--workspace={source}"]
    argv = [sys.executable, "-m", "harness", *words]
    subprocess.run(argv, cwd=alterations.CHECKOUT, check=True, capture_output=True)
    aside = tmp_path_factory.mktemp("aside")
    variables = {}
    for name in HARMLESS:
        variables |= alterations.OF_SURROUNDINGS[name](aside)
    own = tmp_path_factory.mktemp("here") / "Ünïcode and blanks" / "own"
    own.parent.mkdir()
    status, printed, level = alterations.reproduce(source, own, 0o077, **variables)
    assert (status, level) == (0, "same bytes"), printed
    return source, own


def test_there_are_forty_alterations_and_each_is_listed_with_what_is_expected():
    assert len(EXPECTED) == 40
    assert [*alterations.OF_FILES, *alterations.OF_SURROUNDINGS] == [*EXPECTED]


def test_clock_locale_umask_and_settings_of_the_user_change_no_byte(runs):
    assert {EXPECTED[name]["level"] for name in HARMLESS} == {"same bytes"}
    receipt = json.loads((runs[1] / "receipt.json").read_text())
    assert {row["level"] for row in receipt["products"]} == {"same bytes"}
    assert receipt["differences"] == []


@pytest.mark.parametrize("name", alterations.OF_FILES)
def test_an_altered_run_is_called_what_was_expected(runs, tmp_path, name):
    status, printed, level = alterations.try_files(name, *runs, tmp_path)
    statuses = {"different": 3, "cannot tell": 5}
    assert (level, status) == (EXPECTED[name]["level"], statuses.get(level, 0)), printed[-3000:]


def test_an_engine_that_writes_other_bytes_is_called_different(runs, tmp_path):
    status, printed, level = alterations.try_surroundings("another-engine", runs[0], tmp_path)
    assert (level, status) == (EXPECTED["another-engine"]["level"], 3), printed[-3000:]
    receipt = json.loads((tmp_path / "own" / "receipt.json").read_text())
    assert [stage["attempts"] for stage in receipt["stages"]] == [1] * 9
    assert "engine: portable there, yolo_v4 on PATH here" in printed
