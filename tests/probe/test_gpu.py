"""NVML through a stand-in library; each question in a process of its own, as NVML is global."""

import json
import os
import subprocess
import sys

import pytest

from probe.gpu import visible

SCRIPT = """
import json, os, sys
from pathlib import Path
from probe import gpu
from probe.host import Host
from probe.sampler import sensors
from probe.gpu import find_gpus
from probe.gpu_metrics import METRICS
gpu.PID_NAMESPACE = Path(os.environ.get("PID_NAMESPACE", gpu.PID_NAMESPACE))
gpus = find_gpus(os.environ)
machine = Host(os.getppid(), frozenset())
for device in gpus.devices:
    device.owns = machine.owns
seen = []
for number, device in enumerate(gpus.devices):
    columns = sensors("", device, METRICS, 1)
    for beat in range(int(sys.argv[1])):
        values = [(one.column, one.value(beat)) for one in columns]
        seen += [(number, name, value) for name, value in values if value is not None]
    seen += [(number, "columns", [one.column for one in columns])]
described = [device.describe() for device in gpus.devices]
versions = {"driver": gpus.driver, "cuda": gpus.cuda}
print(json.dumps({"versions": versions, "seen": seen, "gpus": described, "faults": gpus.faults}))
"""


@pytest.fixture
def ask(nvml_folder, checkout):
    def ask(words="", *, beats=10, **environment):
        environ = {
            "LD_LIBRARY_PATH": str(nvml_folder),
            "PYTHONPATH": str(checkout),
            "FAKE_NVML": words,
            **environment,
        }
        answer = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(beats)],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr
        *said, last = answer.stdout.splitlines()
        return json.loads(last), said

    return ask


def of(answer, number, name):
    return [value for gpu, column, value in answer["seen"] if (gpu, column) == (number, name)]


def test_every_gpu_is_described_and_read(ask):
    answer, said = ask()

    assert answer["versions"] == {"driver": "550.54.14", "cuda": "12.4"}
    assert answer["gpus"] == [
        {
            "name": "Stand-in GPU",
            "uuid": f"GPU-{n}",
            "memory_bytes": 16 * 10**9,
            "power_limit_w": 250.0,
            "mig": False,
        }
        for n in (0, 1)
    ]
    assert of(answer, 1, "utilisation_pct") == [41] * 10
    assert of(answer, 0, "power_w") == [100.0] * 10
    assert of(answer, 0, "memory_used_bytes")[0] == 2 * 10**9
    assert of(answer, 0, "sm_clock_mhz")[0] == 1401
    assert of(answer, 0, "pcie_received_bytes_per_s") == [2000 * 1024]
    assert of(answer, 0, "ecc_errors_total") == [3]
    assert of(answer, 0, "xid_events_total") == [0]
    assert of(answer, 0, "other_processes") == [0]
    assert said == []


def test_a_newer_gpu_tells_its_activity_and_an_older_one_has_no_such_column(ask):
    answer, _ = ask(beats=30)

    assert of(answer, 1, "sm_activity_pct")[-1] == 20.0  # the stand-in says ten times the metric's number
    assert of(answer, 1, "tensor_activity_pct")[-1] == 50.0
    assert of(answer, 1, "dram_bandwidth_pct")[-1] == 100.0
    (columns,) = of(answer, 0, "columns")
    assert not {"sm_activity_pct", "nvlink_sent_total_bytes"} & set(columns)


def test_missing_sensors_have_no_column_and_what_is_there_is_read(ask):
    answer, _ = ask("missing")

    (columns,) = of(answer, 0, "columns")
    assert not {"power_w", "energy_total_j", "sm_clock_mhz"} & set(columns)
    assert of(answer, 0, "utilisation_pct") == [40] * 10
    assert answer["gpus"][0]["power_limit_w"] is None


def test_a_lost_gpu_is_told_once_and_the_other_is_read_on(ask):
    answer, said = ask("lost", beats=60)

    assert len(of(answer, 0, "utilisation_pct")) < 25
    assert of(answer, 1, "utilisation_pct") == [41] * 60
    assert said.count("utilisation_pct is gone: GPU is lost") == 1


@pytest.mark.parametrize(("lost", "left"), [(0, 1), (1, 0)])
def test_a_gpu_that_does_not_answer_hides_nothing_else(ask, probe, nvml_folder, lost, left):
    answer, _ = ask(f"gone{lost}")

    assert answer["versions"] == {"driver": "550.54.14", "cuda": "12.4"}
    assert [gpu["uuid"] for gpu in answer["gpus"]] == [f"GPU-{left}"]
    assert answer["faults"] == [f"gpu{lost} does not answer: GPU is lost"]

    environment = {"LD_LIBRARY_PATH": str(nvml_folder), "FAKE_NVML": f"gone{lost}"}
    seen = json.loads(
        probe("run", "--json", "--", "sleep", "0.5", environment=environment).stdout.splitlines()[-1]
    )
    assert seen["faults"] == answer["faults"]
    means = {one["metric"]: one["mean"] for one in seen["metrics"]}
    assert means[f"gpu{left}_power_w"] == 100 + left  # it keeps its number
    assert not any(name.startswith(f"gpu{lost}_") for name in means)


@pytest.mark.parametrize(
    ("words", "environment", "is_told"),
    [
        ("mixed", {}, True),
        ("mixed", {"CUDA_VISIBLE_DEVICES": "1"}, True),
        ("mixed", {"CUDA_DEVICE_ORDER": "FASTEST_FIRST"}, True),
        ("mixed", {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, False),
        ("mixed", {"CUDA_VISIBLE_DEVICES": "GPU-1,GPU-0"}, False),
        ("", {}, False),
    ],
)
def test_where_cuda_may_count_otherwise_it_is_told(ask, words, environment, is_told):
    answer, _ = ask(words, **environment)

    assert [fault.partition(":")[0] for fault in answer["faults"]] == ["GPUs of several models"] * is_told


def test_of_a_gpu_cut_into_instances_ours_is_watched(ask):
    answer, _ = ask("mig", CUDA_VISIBLE_DEVICES="0")

    assert [(gpu["uuid"], gpu["mig"], gpu["power_limit_w"]) for gpu in answer["gpus"]] == [
        ("MIG-0", True, None)
    ]
    assert of(answer, 0, "memory_used_bytes")[0] == 2 * 10**9
    assert of(answer, 0, "power_w") == []


def test_strangers_on_the_gpu_and_throttling_are_seen(ask):
    answer, _ = ask("busy")

    assert of(answer, 0, "other_processes") == [1]
    assert of(answer, 0, "throttle_reasons")[0] == 0x41
    assert of(answer, 0, "temperature_c") == [91]


@pytest.fixture
def namespace(tmp_path):
    """A link as /proc/self/ns/pid is one, with that number."""

    def namespace(number):
        link = tmp_path / f"ns-{number}"
        link.symlink_to(f"pid:[{number}]")
        return str(link)

    return namespace


MACHINE, CONTAINER, GONE = 4026531836, 4026532290, 2**30


@pytest.mark.parametrize(
    ("number", "pids", "own", "others"),
    [
        (MACHINE, ["self"], [1], [0]),
        (MACHINE, ["self", 1], [1], [1]),
        (MACHINE, ["self", GONE], [1], [0]),
        (MACHINE, [], [0], [0]),
        (CONTAINER, ["self"], [1], [0]),
        (CONTAINER, ["self", GONE], [], []),  # numbers of the machine, which fit no process in here
        (CONTAINER, [], [], []),  # the driver names nobody to a container
    ],
)
def test_who_is_on_the_gpu_is_told_or_cannot_be_told(ask, namespace, tmp_path, number, pids, own, others):
    for pid in pids:
        (tmp_path / str(os.getpid() if pid == "self" else pid)).touch()
    answer, said = ask(FAKE_NVML_PIDS=str(tmp_path), PID_NAMESPACE=namespace(number))

    assert of(answer, 0, "own_processes") == own
    assert of(answer, 0, "other_processes") == others
    assert said == []


@pytest.mark.parametrize("words", ["none"])
def test_without_a_driver_there_are_no_gpus(ask, words):
    answer, _ = ask(words)

    assert (answer["gpus"], answer["versions"]) == ([], {"driver": "", "cuda": ""})


@pytest.mark.parametrize("name", ["GPU-1", "MIG-0", "1"])
def test_only_ours_are_watched(ask, name):
    answer, _ = ask(CUDA_VISIBLE_DEVICES=name)

    assert [gpu["uuid"] for gpu in answer["gpus"]] == [{"1": "GPU-1"}.get(name, name)]


@pytest.mark.parametrize(
    ("environ", "count", "expected"),
    [
        ({}, 2, ["0", "1"]),
        ({"CUDA_VISIBLE_DEVICES": ""}, 2, []),
        ({"CUDA_VISIBLE_DEVICES": "1,-1,0"}, 2, ["1"]),
        ({"CUDA_VISIBLE_DEVICES": "GPU-abc, MIG-def"}, 2, ["GPU-abc", "MIG-def"]),
        # Slurm's numbers are the node's; CUDA's are the job's where the job sees only its own.
        ({"SLURM_JOB_GPUS": "2,3"}, 4, ["2", "3"]),
        ({"SLURM_JOB_GPUS": "2,3"}, 2, ["0", "1"]),
        ({"SLURM_JOB_GPUS": "2,3", "CUDA_VISIBLE_DEVICES": "0,1"}, 4, ["2", "3"]),
        ({"SLURM_JOB_GPUS": "2,3", "CUDA_VISIBLE_DEVICES": "2,3"}, 4, ["2", "3"]),
        ({"SLURM_JOB_GPUS": "2,3", "SLURM_STEP_GPUS": "3"}, 4, ["3"]),
    ],
)
def test_the_environment_says_which_gpus_are_ours(environ, count, expected):
    assert visible(environ, count=count) == expected
