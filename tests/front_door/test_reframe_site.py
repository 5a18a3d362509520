"""The site configuration for ReFrame, made from the same files as our own scripts."""

import json
import subprocess
import sys

import pytest

# What ReFrame 4 documents for `num_gpus_per_node` of a test: its request is the resource of this name.
GPU_RESOURCE, GPUS = "_rfm_gpu", "{num_gpus_per_node}"


@pytest.fixture
def site(checkout, tmp_path):
    """The file that the README of a suite would name."""
    printed = subprocess.run(
        [sys.executable, checkout / "docs" / "reframe_site.py"], capture_output=True, text=True, check=True
    ).stdout
    (tmp_path / "site.json").write_text(printed)
    return tmp_path / "site.json"


def test_a_site_asks_as_our_own_scripts_do(site):
    systems = {each["name"]: each for each in json.loads(site.read_text())["systems"]}

    assert {"baskerville", "jade", "pearl"} <= set(systems)
    assert "local" not in systems
    (gpus,) = systems["sulis"]["partitions"]
    assert gpus["access"] == ["--partition=gpu", "--mem-per-cpu=3850"]
    assert gpus["resources"] == [{"name": GPU_RESOURCE, "options": [f"--gres=gpu:ampere_a100:{GPUS}"]}]
    assert systems["baskerville"]["partitions"][0]["prepare_cmds"] == [
        "module purge",
        "module load baskerville",
    ]
