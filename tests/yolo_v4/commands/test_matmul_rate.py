import json
import time
from pathlib import Path

import pytest
import torch

from yolo_v4.cli import main
from yolo_v4.commands.matmul_rate import matmul_rates

CPU = torch.device("cpu")


@pytest.fixture
def slow_product(monkeypatch):
    """A machine on which a product of n rows takes (n / 512)^3 hundredths of a second."""
    now = [0.0]

    def multiply(left, right):
        now[0] += 0.01 * (len(left) / 512) ** 3

    monkeypatch.setattr(torch, "mm", multiply)
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])


def test_the_rate_is_operations_over_time_of_matrices_that_keep_a_machine_busy(slow_product) -> None:
    size, rates = matmul_rates(CPU, "fp32")

    assert size == 1024  # a product of 512 rows takes 0.01 s, too short; one of 1024 rows 0.08 s
    assert rates == [pytest.approx(2 * 1024**3 / 0.08)] * 10


def test_the_best_of_ten_is_in_the_status_file(slow_product, tmp_path: Path, capsys) -> None:
    assert main(["matmul_rate", "--format", "bf16", "-r", str(tmp_path)]) == 0

    last = json.loads((tmp_path / "status.json").read_text().splitlines()[-1])
    assert (last["status"], last["kpi"]["number_format"], last["kpi"]["size"]) == ("SUCCESS", "bf16", 1024)
    assert last["kpi"]["flops_per_s"] == max(last["kpi"]["all_flops_per_s"])
    assert "1024 x 1024 in bf16: best of 10 26.8 GFLOP/s" in capsys.readouterr().out


def test_another_format_is_usage(capsys) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["matmul_rate", "--format", "fp8"])
    assert leaving.value.code == 2
    assert "fp32" in capsys.readouterr().err
