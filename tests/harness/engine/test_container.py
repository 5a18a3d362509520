from pathlib import Path

from harness.engine.container import (
    container_command,
    container_environment,
    container_prefix,
    container_program,
)
from harness.settings.platform import load_platform


def test_the_container_sees_the_gpus_and_the_workspace_under_its_own_path():
    prefix = container_prefix(
        "apptainer", image="/images/tao.sif", workspace=Path("/scratch/ws"), real=Path("/lustre/me/ws")
    )

    assert " ".join(prefix) == (
        "apptainer exec --nv --pid --cleanenv --bind /lustre/me/ws:/scratch/ws "
        "--pwd /scratch/ws /images/tao.sif"
    )


def test_a_site_may_want_other_flags_and_more_folders():
    prefix = container_prefix(
        "singularity",
        image="x.sif",
        workspace=Path("/ws"),
        real=Path("/ws"),
        flags=("--nv", "--nvccli"),
        binds=("/lus", "/a:/b:ro"),
    )

    assert " ".join(prefix) == (
        "singularity exec --nv --nvccli --pid --cleanenv --bind /ws:/ws --bind /lus --bind /a:/b:ro "
        "--pwd /ws x.sif"
    )


def test_only_what_an_engine_needs_goes_in():
    names = {"CUDA_VISIBLE_DEVICES": "3,1", "JAMCAM_KEY": "secret", "AWS_SECRET": "x", "PATH": "/bin"}

    assert container_environment("apptainer", names) == {
        **names,
        "APPTAINERENV_CUDA_VISIBLE_DEVICES": "3,1",
        "APPTAINERENV_JAMCAM_KEY": "secret",
        "APPTAINERENV_PYTHONNOUSERSITE": "1",
    }


def test_each_runtime_reads_its_own_names():
    assert container_environment("/usr/bin/singularity", {"OMP_NUM_THREADS": "4"}) == {
        "OMP_NUM_THREADS": "4",
        "SINGULARITYENV_OMP_NUM_THREADS": "4",
        "SINGULARITYENV_PYTHONNOUSERSITE": "1",
    }


def test_the_container_program_is_the_first_of_the_platforms_that_is_on_path(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    tursa = load_platform("tursa")  # singularity before apptainer

    assert (container_program(tursa), container_command(tursa)) == (None, "singularity")
    for name in ("apptainer", "singularity"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
        assert container_program(tursa) == name
    assert container_program(load_platform("local")) == "apptainer"
