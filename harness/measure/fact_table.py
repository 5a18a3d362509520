"""What each fact of a record decides when two records are put side by side. One row for each fact.

`docs/records.md` shows the same table to readers of the files.
"""

from dataclasses import dataclass
from enum import Enum

from harness.engine.answers import with_runtime
from harness.measure.record import TRAINING, Condition, Machine, Record

ABSENT = "does not exist here"
UNREAD = "cannot be read"
UNRECORDED = "not recorded"
UNKNOWN = (UNREAD, UNRECORDED)
# Whether another format than fp32 was asked for; where the one that was used is told, that one counts.
ASKED = "conditions.mixed_precision"
LIMITS = ("cpu_limit", "memory_limit_bytes")  # of a machine; None: there is no limit


class Role(Enum):
    """What a fact decides; the value is the word that people read."""

    QUESTION = "question"  # what a comparison is about: may differ, and is shown first
    CONDITION = "condition"  # must be equal
    TOLD = "told"  # may differ, and decides nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One fact, and its role for `compare` and for `gate`."""

    path: str  # in record.json: machine.cpu_model
    compare: Role
    gate: Role
    cases: tuple[str, ...] = ()  # it concerns these alone; (): all

    def concerns(self, record: Record) -> bool:
        """Whether it says something about this record, by its case and by what else it tells."""
        is_known_better = self.path == ASKED and record.facts.get("number_format") not in (None, *UNKNOWN)
        return not is_known_better and (not self.cases or record.case in self.cases)


def _rows(compare: Role, gate: Role, paths: str, cases: tuple[str, ...] = ()) -> tuple[Fact, ...]:
    return tuple(Fact(path=path, compare=compare, gate=gate, cases=cases) for path in paths.split())


QUESTION, CONDITION, TOLD = Role.QUESTION, Role.CONDITION, Role.TOLD
CHOOSING = ("chain", "evaluate", "inference")  # cases in which the engine chooses what computes
COMPUTING = (*TRAINING, "evaluate", "inference")
# All but the chain, which begins where no frames are there yet.
AFTER_DATA = ("train", "scaling", "evaluate", "inference", "export", "convert-data", "micro")
FACTS: tuple[Fact, ...] = (
    # `compare` asks which machine, driver or image is faster; for `gate` the machine must be the same one.
    *_rows(QUESTION, CONDITION, "platform"),
    *_rows(QUESTION, CONDITION, "machine.cpu_model machine.cores machine.cpu_limit machine.python"),
    *_rows(QUESTION, CONDITION, "machine.memory_limit_bytes machine.driver"),
    *_rows(QUESTION, CONDITION, "machine.gpus.name machine.gpus.power_limit_w machine.gpus.mig"),
    *_rows(QUESTION, CONDITION, "facts.device facts.processor facts.torch facts.torch_threads", COMPUTING),
    *_rows(QUESTION, CONDITION, "code.packages.torch facts.container"),
    *_rows(QUESTION, CONDITION, "code.packages.onnxruntime", CHOOSING),
    *_rows(
        QUESTION, CONDITION, "facts.cpu_governor facts.cpu_max_mhz facts.cpu_boost facts.cpu_power_limit_w"
    ),
    *_rows(QUESTION, CONDITION, "facts.threads_per_core facts.numa_nodes facts.affinity_numa_nodes"),
    *_rows(QUESTION, CONDITION, "facts.gpu_clocks_asked_mhz facts.gpu_ecc facts.data_file_system"),
    *_rows(QUESTION, CONDITION, "environment.OMP_NUM_THREADS environment.MKL_NUM_THREADS"),
    *_rows(QUESTION, CONDITION, "environment.OPENBLAS_NUM_THREADS environment.KMP_AFFINITY"),
    *_rows(QUESTION, CONDITION, "environment.PYTORCH_CUDA_ALLOC_CONF"),
    *_rows(QUESTION, CONDITION, "environment.TORCH_CUDNN_V8_API_ENABLED"),
    *_rows(QUESTION, CONDITION, "environment.TF_ENABLE_AUTO_MIXED_PRECISION"),
    *_rows(QUESTION, CONDITION, "environment.TF_FORCE_GPU_ALLOW_GROWTH"),
    *_rows(QUESTION, CONDITION, "environment.NCCL_P2P_DISABLE environment.NCCL_IB_DISABLE"),
    # `gate` asks whether a change of the code, or of an image made of it, made anything worse.
    *_rows(QUESTION, QUESTION, "conditions.image_sha256"),
    *_rows(QUESTION, QUESTION, "code.image_made.sha256 code.image_made.definition_sha256"),
    *_rows(QUESTION, QUESTION, "code.image_made.base_digest"),
    *_rows(TOLD, QUESTION, "code.git_commit code.harness_version"),
    # The work itself, and how it is observed: it must be the same for both.
    *_rows(CONDITION, CONDITION, "case conditions.recipe conditions.data_sha256 conditions.spec_sha256"),
    *_rows(CONDITION, CONDITION, "conditions.engine conditions.engine_version conditions.seed"),
    *_rows(CONDITION, CONDITION, "conditions.batch conditions.epochs conditions.gpus conditions.nodes"),
    *_rows(CONDITION, CONDITION, "conditions.limit conditions.val_split_pct conditions.pretrained_sha256"),
    *_rows(CONDITION, CONDITION, "conditions.precision", ("chain", "export")),
    *_rows(CONDITION, CONDITION, "conditions.checkpoint conditions.anchors"),
    *_rows(CONDITION, CONDITION, ASKED, (*TRAINING, "micro")),
    *_rows(CONDITION, CONDITION, "facts.number_format", COMPUTING),
    *_rows(CONDITION, CONDITION, "facts.runtime", CHOOSING),
    *_rows(CONDITION, CONDITION, "conditions.target_map conditions.train_steps conditions.warm_up_steps"),
    *_rows(CONDITION, CONDITION, "conditions.scaling conditions.sampler_pairs"),
    *_rows(CONDITION, CONDITION, "conditions.probe_version conditions.gpu_hz conditions.host_hz"),
    *_rows(CONDITION, CONDITION, "facts.data_caches", AFTER_DATA),
    *_rows(CONDITION, CONDITION, "environment.CUDA_LAUNCH_BLOCKING"),
    # For people. What follows from these is in the rows above: a driver serves one CUDA, a job has cores.
    *_rows(TOLD, TOLD, "machine.host machine.memory_bytes machine.os machine.kernel machine.cuda"),
    *_rows(TOLD, TOLD, "machine.gpus.uuid machine.gpus.memory_bytes facts.cpu_affinity"),
    *_rows(TOLD, TOLD, "facts.gpu_power_limit_default_w facts.gpu_persistence facts.gpu_compute_mode"),
    *_rows(TOLD, TOLD, "facts.flops_per_image facts.matmul_flops_per_s facts.numbers", COMPUTING),
    *_rows(TOLD, TOLD, "facts.gpus facts.gpus_exclusive facts.node_exclusive"),
    *_rows(TOLD, TOLD, "environment.CUDA_VISIBLE_DEVICES environment.CUDA_DEVICE_ORDER"),
    *_rows(TOLD, TOLD, "environment.NCCL_DEBUG environment.SLURM_JOB_PARTITION environment.SLURM_JOB_QOS"),
    *_rows(TOLD, TOLD, "environment.SLURM_JOB_NUM_NODES environment.SLURM_CPUS_ON_NODE"),
    *_rows(TOLD, TOLD, "environment.SLURM_CPUS_PER_TASK environment.SLURM_GPUS_ON_NODE"),
    *_rows(TOLD, TOLD, "environment.SLURM_JOB_GPUS environment.SLURM_MEM_PER_NODE"),
)


def value_of(record: Record, path: str) -> Condition:
    """A fact of a record: its value, ABSENT, or one of UNKNOWN. Never None."""
    part, _, name = path.partition(".")
    if part == "machine":
        return _of_machine(record, name)
    if part == "code":
        return _of_code(record, name)
    if part == "environment":  # a variable that is not set is not there
        return record.environment.get(name, ABSENT)
    if path == "facts":  # as a whole: older records have none
        return "recorded" if record.facts else UNRECORDED
    if part in ("conditions", "facts"):
        table = record.conditions if part == "conditions" else with_runtime(record.facts)
        return _known(table[name]) if name in table else UNRECORDED
    return _known(getattr(record, part))


def _known(value: Condition) -> Condition:
    return UNREAD if value is None else value


def _of_machine(record: Record, name: str) -> Condition:
    machine = record.machine
    if machine is None:
        return UNRECORDED
    if name.startswith("gpus."):
        return _of_gpus(machine, record, name.removeprefix("gpus."))
    value: Condition = getattr(machine, name)
    if name in LIMITS:
        return ABSENT if value is None else value
    if name in ("driver", "cuda") and value == "":
        return _without_gpus(record)
    return UNREAD if value in (None, "") else value


def _of_gpus(machine: Machine, record: Record, name: str) -> Condition:
    """Of all GPUs: one value where they are alike, else all, in their order."""
    if not machine.gpus:
        return _without_gpus(record)
    values = [getattr(gpu, name) for gpu in machine.gpus]
    if None in values:  # a MIG instance has no limit of its own
        return ABSENT if all(gpu.mig for gpu in machine.gpus) else UNREAD
    texts = [str(value) for value in values]
    return texts[0] if len(set(texts)) == 1 else ", ".join(texts)


def _without_gpus(record: Record) -> str:
    """Of a machine that showed no GPU: whether there is one that could not be asked."""
    return UNREAD if record.facts.get("gpus", ABSENT) is None else ABSENT


def _of_code(record: Record, name: str) -> Condition:
    code = record.code
    if code is None:
        return UNRECORDED
    if name.startswith("packages."):
        in_unknown_image = bool(record.conditions.get("image_sha256")) and not code.image_made
        return UNREAD if in_unknown_image else code.packages.get(name.removeprefix("packages."), ABSENT)
    if name.startswith("image_made."):
        return code.image_made.get(name.removeprefix("image_made."), ABSENT)
    return str(getattr(code, name)) or UNREAD
