import pytest

from harness.cli import main
from harness.measure.record_files import begin_record, close_record
from tests.harness.made import machine, record


@pytest.fixture
def theirs(tmp_path):
    """Results with a record of tursa, whose file asks for an A100 in a job of Slurm."""
    one = record(
        "train",
        [1.0, 2.0],
        platform="tursa",
        machine=machine(gpus=1, name="NVIDIA A100-SXM4-40GB"),
        environment={"SLURM_JOB_PARTITION": "gpu"},
    )
    close_record(begin_record(tmp_path / "theirs", one), one)
    return tmp_path / "theirs"


def test_records_are_packed_added_and_drawn(theirs, tmp_path, capsys):
    ours, archive = tmp_path / "ours", tmp_path / "sent.zip"

    assert main(["records", "pack", str(archive), f"--results={theirs}", "--platform=tursa"]) == 0
    assert f"packed: 1 records of tursa into {archive}" in capsys.readouterr().out
    assert main(["records", "add", str(archive), f"--results={ours}"]) == 0

    said = capsys.readouterr().out
    assert f"added: {ours}/tursa/" in said
    assert (ours / "plots" / "throughput-sample.png").exists()
    assert main(["records", "add", str(archive), f"--results={ours}"]) == 0
    assert f"there already: {ours}/tursa/" in capsys.readouterr().out


def test_what_cannot_be_read_is_not_packed_and_told(theirs, tmp_path, capsys):
    damaged = theirs / "tursa" / "20260401T101500Z-train-0000" / "record.json"
    damaged.parent.mkdir()
    damaged.write_text("{")

    verb = ["records", "pack", str(tmp_path / "sent.zip"), f"--results={theirs}", "--platform=tursa"]
    assert main(verb) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"passed over: {damaged} is no record: ")
    assert second.startswith("packed: 1 records of tursa into ")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["send"], "records does not know 'send', it does pack and add"),
        (["add"], "no archive was given"),
        ([], "no ACTION was given: pack or add"),
    ],
)
def test_words_that_make_no_sense_are_2_and_told(words, complaint, capsys):
    assert main(["records", *words]) == 2
    assert f"jamcam: {complaint}\n" in capsys.readouterr().err
