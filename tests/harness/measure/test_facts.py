import dataclasses
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from harness.code_version import CodeVersion
from harness.engine.phases import COMPUTING
from harness.engine.request import Engine
from harness.errors import ConfigError
from harness.measure import facts
from harness.measure.comparability import judge
from harness.measure.fact_table import ABSENT, FACTS
from harness.measure.record import Gpu
from harness.settings.platform import Platform
from harness.workspace.marker import EngineIdentity
from tests.harness.made import record

THIS_ONE = Engine(identity=EngineIdentity(name="portable", version="0.1.0"), program="yolo_v4")


@pytest.fixture(scope="module")
def machine():
    return facts.machine(host_name=False)


def test_the_host_is_named_by_a_hash_unless_asked(machine):
    assert re.fullmatch(r"[0-9a-f]{12}", machine.host)
    assert facts.machine(host_name=True).host == socket.gethostname()


def test_only_variables_of_the_list_are_written_down():
    wanted = {"OMP_NUM_THREADS": "2", "SLURM_JOB_PARTITION": "gpu"}

    assert facts.environment({**wanted, "JAMCAM_KEY": "secret", "USER": "me", "PATH": "/bin"}) == wanted


def test_code_is_named_by_commit_and_packages_by_version():
    code = facts.code(THIS_ONE)

    assert re.fullmatch(r"[0-9a-f]{40}|", code.git_commit)
    assert "psutil" in code.packages
    assert not [path for path in code.dirty if path.startswith(("results/", "README"))]


def test_code_whose_commit_cannot_be_told_makes_a_record_not_comparable(monkeypatch):
    doubt = CodeVersion(commit=None, doubt="git says: fatal: detected dubious ownership")
    monkeypatch.setattr(facts, "code_version", lambda paths: doubt)

    (reason,) = judge(record(code=facts.code(THIS_ONE)))

    assert reason.endswith("cannot tell: git says: fatal: detected dubious ownership")


def test_of_two_versions_of_a_package_the_one_that_is_imported_is_noted(tmp_path, monkeypatch):
    information = tmp_path / "psutil-0.0.1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: psutil\nVersion: 0.0.1\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert facts.code(THIS_ONE).packages["psutil"] == "0.0.1"


def test_what_a_broken_installation_left_behind_is_no_package(tmp_path, monkeypatch):
    (tmp_path / "broken-1.0.dist-info").mkdir()  # without METADATA
    monkeypatch.syspath_prepend(tmp_path)

    assert None not in facts.code(THIS_ONE).packages


def test_of_an_engine_in_an_image_the_packages_and_digests_are_those_of_the_image():
    made = {"sha256": "ab", "definition_sha256": "cd", "base_digest": "sha256:ef"}
    identity = dataclasses.replace(THIS_ONE.identity, image="tao.sif", image_made=made)

    code = facts.code(dataclasses.replace(THIS_ONE, identity=identity, packages={"torch": "2.5.1"}))

    assert (code.packages, code.image_made) == ({"torch": "2.5.1"}, made)


def test_a_platform_without_facts_fits_any_machine(machine):
    facts.require_platform_match(Platform(name="local", title="here"), machine, {})


def test_a_platform_that_fits_is_accepted(machine):
    gpu = Gpu(name="NVIDIA A100-SXM4-40GB", uuid="GPU-0", memory_bytes=None, power_limit_w=None, mig=False)
    found = dataclasses.replace(machine, gpus=(gpu,))
    name = re.escape(socket.gethostname())
    wanted = Platform(name="here", title="", host_pattern=name, scheduler="slurm", gpu_model="A100")

    facts.require_platform_match(wanted, found, {"SLURM_JOB_ID": "1"})


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ({"host_pattern": "^nowhere$"}, r"host: expected a name like \^nowhere\$, found "),
        ({"host_pattern": re.escape(socket.gethostname()[:-1])}, "host: expected a name like "),
        ({"scheduler": "slurm"}, "scheduler: expected a job of slurm, found none"),
        ({"gpu_model": "A100"}, "GPU: expected one called A100, found none"),
    ],
)
def test_a_platform_that_does_not_fit_is_refused_with_what_was_found(machine, wanted, complaint):
    with pytest.raises(ConfigError, match=complaint) as caught:
        facts.require_platform_match(
            Platform(name="far", title="", **wanted), dataclasses.replace(machine, gpus=()), {}
        )

    assert caught.value.exit_status == 2


def test_the_surroundings_are_what_the_table_of_facts_has(machine, tmp_path):
    told = facts.surroundings(machine, tmp_path, {})
    of_engine = {*COMPUTING, "data_caches", "matmul_flops_per_s"}

    assert told.keys() | of_engine >= {fact.path[6:] for fact in FACTS if fact.path.startswith("facts.")}
    assert {f"facts.{name}" for name in told} <= {fact.path for fact in FACTS}
    assert (told["gpus_exclusive"], told["node_exclusive"]) == (False, False)


def test_without_gpus_their_facts_do_not_exist_here(machine, tmp_path):
    told = facts.surroundings(machine, tmp_path, {})

    if not machine.gpus and told["gpus"] is not None:
        assert {told[name] for name in ("gpus", "gpu_ecc", "gpu_clocks_asked_mhz")} == {ABSENT}


@pytest.mark.parametrize(
    ("environ", "exclusive"),
    [
        ({"SLURM_JOB_GPUS": "2,3"}, True),
        ({"SLURM_STEP_GPUS": "0"}, True),
        ({"SLURM_JOB_GPUS": "2", "SLURM_SHARDS_ON_NODE": "4"}, False),
        ({"SLURM_JOB_GPUS": "2", "CUDA_MPS_PIPE_DIRECTORY": "/tmp/mps"}, False),
        ({"CUDA_VISIBLE_DEVICES": "0"}, False),
    ],
)
def test_gpus_that_a_job_was_given_whole_are_its_own(machine, tmp_path, environ, exclusive):
    assert facts.surroundings(machine, tmp_path, environ)["gpus_exclusive"] is exclusive


def test_a_job_with_all_cores_of_the_node_has_it_alone(machine, tmp_path):
    for cores, exclusive in ((machine.cores, True), (machine.cores - 1, False)):
        environ = {"SLURM_CPUS_ON_NODE": str(cores)}
        assert facts.surroundings(machine, tmp_path, environ)["node_exclusive"] is exclusive


@pytest.mark.skipif(shutil.which("findmnt") is None, reason="util-linux is not here")
def test_the_file_system_is_what_findmnt_says(tmp_path):
    for folder in (tmp_path, Path("/proc"), Path("/")):
        asked = subprocess.run(
            ["findmnt", "--noheadings", "--output=FSTYPE", f"--target={folder}"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert facts.file_system(folder) == asked.stdout.split()[-1]
