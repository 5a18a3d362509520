import re

import psutil
import pytest

from probe import describe
from probe.samples import unit_of


def test_the_page_lists_every_metric_as_it_is(checkout):
    page = (checkout / "docs" / "probe.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \| (\S*) ?\| (\d+) \| ([^|]+) \| ([^|]+) \|$", page, re.MULTILINE)

    assert rows == [tuple(str(one[name]) for name in describe.HEADING) for one in describe.metrics()]


def test_the_unit_of_a_metric_is_the_end_of_its_name():
    assert [one["metric"] for one in describe.metrics() if one["unit"] != unit_of(one["metric"])] == []


def test_a_machine_is_what_psutil_and_the_system_say():
    facts = describe.describe({})

    assert (facts["cores"], facts["memory_bytes"]) == (psutil.cpu_count(), psutil.virtual_memory().total)
    assert facts["cpu_model"]


def test_unknown_facts_are_left_out_of_the_text():
    facts = {
        "cores": 2,
        "cpu_limit": None,
        "gpus": [],
        "why_no_gpus": "it is a toaster",
        "driver": "",
        "cuda": "",
    }

    assert describe.as_text(facts) == "cores      2\ncpu_limit  none\ngpus       none: it is a toaster"


@pytest.mark.parametrize("limit", [250.0, None])
def test_a_gpu_is_a_line(limit):
    gpu = {"name": "A100", "uuid": "MIG-1", "memory_bytes": 5, "power_limit_w": limit, "mig": True}
    watts = "" if limit is None else ", power_limit_w 250.0"

    assert (
        describe.as_text({"gpus": [gpu]}) == f"gpu0  A100, uuid MIG-1, memory_bytes 5{watts}, a MIG instance"
    )
