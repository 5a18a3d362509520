"""Classes that labels and specs cannot have as they are get their own names back in what people read."""

import json

from harness.stages.workflow import KINDS


def test_metrics_and_the_exported_list_have_the_users_own_names(dataset, run):
    # `büs` is written bus, which the spec of the smoke recipe maps and the stand-in for the engine knows.
    declared = dataset(names="person\nbüs\n", classes='["person", "büs"]')

    workspace = run(declared, *KINDS.values())

    metrics = json.loads((workspace / "experiment/metrics.json").read_text())
    assert "büs" in metrics["AP"]
    assert "büs" in metrics["boxes"]
    assert "bus" not in {*metrics["AP"], *metrics["boxes"]}
    exported = (workspace / "experiment/export/labels.txt").read_text().splitlines()
    assert "büs" in exported
    assert "bus" not in exported
