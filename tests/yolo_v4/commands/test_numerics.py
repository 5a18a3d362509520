"""`numerics` says what decides the last digits, as trainings on this machine tell it."""

import json

import torch

from yolo_v4.cli import main
from yolo_v4.network.device import choose_device, processor
from yolo_v4.network.kept_choices import KeptChoice, keep


def test_the_class_is_that_of_pytorch_here(tmp_path):
    assert main(["numerics", "-r", str(tmp_path)]) == 0

    last = json.loads((tmp_path / "status.json").read_text().splitlines()[-1])
    assert last["status"] == "SUCCESS"
    assert last["numerics"]["torch"] == torch.__version__
    assert last["numerics"]["threads"] == torch.get_num_threads()
    assert last["number_formats"]["fp32"] == last["numerics"]
    assert {*last["number_formats"]} <= {"fp32", "bf16", "fp16"}


def test_what_auto_chose_here_is_told_and_nothing_is_measured(capsys):
    key = {"formats": ["fp32", "bf16"], "processor": processor(choose_device(None)), "size": "64x64x3"}
    choice = KeptChoice(
        seconds={"fp32": 0.5, "bf16": 0.25}, chosen="bf16", measured_utc="2026-01-02T03:04:05Z"
    )
    keep(key, choice)
    keep({**key, "processor": "another"}, choice)

    assert main(["numerics"]) == 0

    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("auto is ")]
    assert told == [
        "auto is bf16 for None, 64x64x3, None: fp32 0.5000 s, bf16 0.2500 s, measured 2026-01-02T03:04:05Z"
    ]


def test_the_class_can_be_read_without_a_folder_for_it(capsys):
    assert main(["numerics"]) == 0

    assert f"torch {torch.__version__}" in capsys.readouterr().out
