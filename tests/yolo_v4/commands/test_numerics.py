"""`numerics` says what decides the last digits, as trainings on this machine tell it."""

import json

import torch

from yolo_v4.cli import main


def test_the_class_is_that_of_pytorch_here(tmp_path):
    assert main(["numerics", "-r", str(tmp_path)]) == 0

    last = json.loads((tmp_path / "status.json").read_text().splitlines()[-1])
    assert last["status"] == "SUCCESS"
    assert last["numerics"]["torch"] == torch.__version__
    assert last["numerics"]["threads"] == torch.get_num_threads()
    assert last["number_format_mixed"] in ("fp32", "bf16", "fp16")


def test_the_class_can_be_read_without_a_folder_for_it(capsys):
    assert main(["numerics"]) == 0

    assert f"torch {torch.__version__}" in capsys.readouterr().out
