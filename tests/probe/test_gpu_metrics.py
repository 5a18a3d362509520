"""The table itself; what its rows read is tested through a stand-in for NVML, in test_gpu.py."""

from probe.gpu_metrics import METRICS


def test_each_metric_has_a_name_of_its_own():
    keys = [metric.key for metric in METRICS]

    assert len(keys) == len({*keys})


def test_calls_that_block_for_20_ms_are_made_once_in_ten_beats():
    pace = {metric.key: metric.every for metric in METRICS}

    assert {pace[key] for key in pace if key.startswith("pcie_")} == {10}
    assert {pace[key] for key in ("utilisation_pct", "power_w", "energy_total_j")} == {1}
