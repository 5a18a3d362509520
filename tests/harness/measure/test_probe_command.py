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
