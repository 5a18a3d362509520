import sys

import pytest

from harness.errors import DataError
from harness.measure.probe_command import ask_probe


def test_the_answer_of_the_probe_is_parsed():
    assert "gpu<n>_power_w" in {one["metric"] for one in ask_probe("metrics")}


def test_what_the_probe_refuses_is_told_with_its_remedy(tmp_path):
    with pytest.raises(DataError, match=r"^cannot read .*/nothing: No such file or directory$") as caught:
        ask_probe("convert", str(tmp_path / "nothing"), str(tmp_path / "out"))

    assert caught.value.remedy == "correct the path"


def test_what_the_probe_does_not_understand_is_told_with_the_command_to_try():
    with pytest.raises(DataError, match="invalid choice: 'nonsense'") as caught:
        ask_probe("nonsense")

    assert caught.value.remedy.endswith("-m probe nonsense --json")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="before 3.11 Python has no safe path")
def test_a_file_of_others_in_the_folder_is_never_taken_for_the_probe(tmp_path, monkeypatch):
    (tmp_path / "probe").mkdir()
    (tmp_path / "probe" / "__init__.py").write_text("raise SystemExit('code of others was run')")
    monkeypatch.chdir(tmp_path)

    assert ask_probe("describe")["cores"] >= 1
