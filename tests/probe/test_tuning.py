"""How a machine is set, read of made-up files of the kernel and of the stand-in for NVML."""

import json
import os
from pathlib import Path

import pytest

from probe import tuning
from probe.gpu import Gpus
from probe.tuning import ABSENT


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Writes files of the kernel by name, and gives the facts of that machine."""
    folders = {"CPUS": "cpu", "NODES": "node", "POWERCAP": "powercap"}
    for name, folder in folders.items():
        monkeypatch.setattr(tuning, name, tmp_path / folder)
    monkeypatch.setattr(tuning, "DRIVERS", (tmp_path / "driver",))

    def facts(files, environ=()):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        return tuning.tuning(Gpus(), dict(environ))

    facts.folder = tmp_path
    return facts


def test_what_a_machine_does_not_have_does_not_exist_there(machine):
    facts = machine({})

    names = {
        "cpu_governor",
        "cpu_max_mhz",
        "cpu_boost",
        "cpu_power_limit_w",
        "threads_per_core",
        "numa_nodes",
    }
    names |= {"affinity_numa_nodes", "gpus", "gpu_clocks_asked_mhz", "gpu_ecc", "gpu_compute_mode"}
    assert {name: facts[name] for name in names} == dict.fromkeys(names, ABSENT)


def test_governor_clocks_and_limits_are_those_of_all_cores_and_packages(machine):
    facts = machine(
        {
            "cpu/cpu0/cpufreq/scaling_governor": "performance",
            "cpu/cpu1/cpufreq/scaling_governor": "performance",
            "cpu/cpu0/cpufreq/scaling_max_freq": "3400000",
            "cpu/cpu1/cpufreq/scaling_max_freq": "2600000",
            "cpu/cpufreq/boost": "0",
            "powercap/intel-rapl:0/constraint_0_power_limit_uw": "225000000",
            "powercap/intel-rapl:1/constraint_0_power_limit_uw": "225000000",
            "powercap/intel-rapl:0:0/constraint_0_power_limit_uw": "1000000",
        }
    )

    assert (facts["cpu_governor"], facts["cpu_max_mhz"]) == ("performance", "3400, 2600")
    assert (facts["cpu_boost"], facts["cpu_power_limit_w"]) == ("off", "225")


def test_turbo_of_intel_is_told_by_a_file_of_its_own(machine):
    assert machine({"cpu/intel_pstate/no_turbo": "0"})["cpu_boost"] == "on"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is kept from root")
def test_a_file_that_may_not_be_read_is_unread_for_an_ordinary_user(machine):
    machine({"cpu/cpu0/cpufreq/scaling_governor": "powersave"})
    (machine.folder / "cpu" / "cpu0" / "cpufreq" / "scaling_governor").chmod(0)

    assert machine({})["cpu_governor"] is None


def test_what_cannot_be_read_is_none_and_not_absent(machine):
    # A folder in place of the file, since nothing is kept from root.
    (machine.folder / "cpu" / "cpu0" / "cpufreq" / "scaling_governor").mkdir(parents=True)
    assert machine({})["cpu_governor"] is None


def test_power_limits_that_a_container_hides_cannot_be_read(machine):
    (machine.folder / "powercap").mkdir()
    (machine.folder / "powercap" / "intel-rapl:0").symlink_to("../masked")

    assert machine({})["cpu_power_limit_w"] is None


def test_cores_and_the_nodes_they_lie_on(machine, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 9}, raising=False)
    facts = machine(
        {
            "node/online": "0-2",
            "node/node0/cpulist": "0-3",
            "node/node1/cpulist": "4-7",
            "node/node2/cpulist": "8-11",
            "cpu/cpu0/topology/thread_siblings_list": "0,64",
        }
    )

    assert (facts["cpu_affinity"], facts["affinity_numa_nodes"]) == ("0-2,9", 2)
    assert (facts["numa_nodes"], facts["threads_per_core"]) == (3, 2)


@pytest.mark.parametrize(
    ("environ", "kind"),
    [
        ({"APPTAINER_CONTAINER": "a.sif"}, "apptainer"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
    ],
)
def test_the_kind_of_container_is_named(machine, environ, kind):
    assert machine({}, environ)["container"] == kind


def test_without_a_mark_of_a_container_a_machine_is_bare(machine, monkeypatch):
    monkeypatch.setattr(Path, "exists", lambda path: False)

    assert machine({})["container"] == "bare"
    assert machine({}, {"container": "lxc"})["container"] == "lxc"


def test_a_driver_that_does_not_answer_leaves_gpus_unread(machine):
    facts = machine({"driver": ""})

    assert (facts["gpus"], facts["gpu_ecc"]) == (None, None)


def test_gpus_are_asked_for_their_settings(start_probe, nvml_folder):
    def asked(words):
        process = start_probe(
            "describe", "--json", environment={"LD_LIBRARY_PATH": str(nvml_folder), "FAKE_NVML": words}
        )
        return json.loads(process.communicate()[0])["tuning"]

    facts = asked("")
    assert (facts["gpus"], facts["gpu_clocks_asked_mhz"]) == (2, "1001/1002")  # NVML's SM is 1, memory 2
    assert (facts["gpu_power_limit_default_w"], facts["gpu_ecc"]) == ("300", "on, off")
    assert facts["gpu_compute_mode"] == "exclusive process"
    assert facts["gpu_persistence"] == ABSENT  # the stand-in has no such function
    assert asked("missing")["gpu_clocks_asked_mhz"] == ABSENT
