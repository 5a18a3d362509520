import dataclasses
import re

from harness.measure.fact_table import FACTS
from harness.measure.facts import ENVIRONMENT
from harness.measure.record import Code, Gpu, Machine
from harness.measure.record_files import read_records
from tests.harness.made import FACTS as MADE

PATHS = [fact.path for fact in FACTS]


def test_every_fact_has_one_row():
    assert len(PATHS) == len(set(PATHS))


def test_every_field_of_machine_and_gpu_has_a_row():
    fields = {f"machine.{field.name}" for field in dataclasses.fields(Machine)} - {"machine.gpus"}
    fields |= {f"machine.gpus.{field.name}" for field in dataclasses.fields(Gpu)}
    assert fields == {path for path in PATHS if path.startswith("machine.")}


def test_every_field_of_code_has_a_row_but_what_makes_a_record_faulty():
    fields = {path.split(".")[1] for path in PATHS if path.startswith("code.")}
    assert fields == {field.name for field in dataclasses.fields(Code)} - {"dirty"}


def test_every_condition_of_the_committed_records_has_a_row(checkout):
    records, _ = read_records(checkout / "results")
    conditions = {f"conditions.{name}" for record in records for name in record.conditions}

    assert len(conditions) > 15
    assert conditions - set(PATHS) == set()


def test_every_variable_of_the_allow_list_has_a_row():
    names = [path.partition(".")[2] for path in PATHS if path.startswith("environment.")]

    assert [name for name in names if not ENVIRONMENT.fullmatch(name)] == []
    # The pattern, spelled out: every alternative in it, and no other.
    spelled = {
        *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "KMP_AFFINITY"),
        *("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CUDA_LAUNCH_BLOCKING", "PYTORCH_CUDA_ALLOC_CONF"),
        *("TORCH_CUDNN_V8_API_ENABLED", "TF_ENABLE_AUTO_MIXED_PRECISION", "TF_FORCE_GPU_ALLOW_GROWTH"),
        *("NCCL_DEBUG", "NCCL_P2P_DISABLE", "NCCL_IB_DISABLE", "SLURM_JOB_PARTITION", "SLURM_JOB_QOS"),
        *("SLURM_JOB_NUM_NODES", "SLURM_CPUS_ON_NODE", "SLURM_CPUS_PER_TASK", "SLURM_GPUS_ON_NODE"),
        *("SLURM_JOB_GPUS", "SLURM_MEM_PER_NODE"),
    }
    assert set(names) == spelled


def test_every_new_fact_that_tests_make_has_a_row():
    assert {f"facts.{name}" for name in MADE} == {path for path in PATHS if path.startswith("facts.")}


def test_the_page_on_records_has_the_same_table(checkout):
    page = (checkout / "docs" / "records.md").read_text()
    rows = re.findall(r"^\| ((?:`[\w.]+`(?:, )?)+) \| (\w+) \| (\w+) \| ([^|]*) \|$", page, re.MULTILINE)
    shown = {
        path: (compare, gate, cases.strip())
        for paths, compare, gate, cases in rows
        for path in re.findall(r"`([\w.]+)`", paths)
    }

    assert shown == {
        fact.path: (fact.compare.value, fact.gate.value, ", ".join(fact.cases) or "all") for fact in FACTS
    }
