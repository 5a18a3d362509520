import socket

import pytest

from harness.errors import ConfigError
from harness.queue.doctor import check_queue, examine, stranger

SIF = {"x86_64": b"02", "aarch64": b"04"}


@pytest.fixture
def login(tmp_path, monkeypatch, settings):
    """Makes settings on a login node of a site: sbatch and a container command are there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sbatch", "apptainer", "singularity"):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)

    def make(platform, **changes):
        made = settings(platform=platform, engine=changes.pop("engine", "portable"), **changes)
        monkeypatch.setenv("PATH", str(folder))
        return made

    return make


@pytest.fixture
def image(tmp_path):
    """Makes the beginning of a SIF image for a processor."""

    def make(processor):
        path = tmp_path / f"{processor}.sif"
        script = b"#!/usr/bin/env run-singularity\n\0"
        path.write_bytes(script + b"SIF_MAGIC\0" + b"01\0" + SIF[processor] + b"\0" + bytes(100))
        return str(path)

    return make


def faults(settings):
    return {finding.what: finding.fault for finding in examine(settings) if finding.fault}


def test_what_a_site_demands_is_enough(login):
    check_queue(login("baskerville", account="proj", qos="turing"))
    check_queue(login("jade"))


def test_a_missing_account_is_found_before_the_queue_with_the_way_to_give_it(login):
    with pytest.raises(ConfigError) as caught:
        check_queue(login("baskerville"))

    assert caught.value.message == (
        "a job on baskerville would fail:\n  account: must be given (found: none)\n  qos: must be given (found: none)"
    )
    assert caught.value.remedy == 'give ACCOUNT=..., or account = "..." in baskerville.mine.toml'


def test_what_a_site_does_not_take_is_refused(login):
    assert faults(login("jade", account="proj")) == {"account": "must not be given"}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"wall_time": "6-00:00:01"}, {"wall time": "the limit is 6-00:00:00"}),
        ({"gpus": "9"}, {"GPUs a node": "a node has 8"}),
        ({"workspace": "/tmp/a b"}, {"workspace": "a blank, quote or percent sign cannot stand in a job's file names"}),
    ],
)
def test_more_than_a_site_has_is_refused(login, changes, found):
    assert faults(login("jade", **changes)) == found


def test_a_site_may_want_whole_nodes_of_jobs_on_several(login):
    account = {"account": "PROJ-SL2-GPU"}

    found = faults(login("csd3-ampere", nodes="2", gpus="2", **account))
    assert found == {"GPUs a node": "a job on several nodes must take all 4"}
    assert faults(login("csd3-ampere", nodes="2", gpus="4", **account)) == {}
    assert faults(login("csd3-ampere", gpus="1", **account)) == {}


def test_a_host_with_another_name_is_doubted_and_not_refused(login, monkeypatch):
    isambard = login("isambard-ai")

    for host, doubt in (("login41", ""), ("laptop", "laptop, not one of login4[0-9].* (names are no proof)")):
        monkeypatch.setattr(socket, "gethostname", lambda host=host: host)
        assert stranger(isambard.platform) == doubt
        assert faults(isambard) == {}


def test_nvidias_engine_is_refused_where_its_images_cannot_run(login, image, monkeypatch):
    monkeypatch.setenv("JAMCAM_KEY", "x")
    settings = login("isambard-ai", engine="tao", image=image("x86_64"))

    assert faults(settings) == {
        "engine": "TAO's images are built for x86_64, and these are Arm processors",
        "image": "is for x86_64, its nodes are aarch64",
    }


def test_an_older_tao_is_refused_on_hopper_and_a_newer_one_is_not(login, image, tmp_path, monkeypatch):
    monkeypatch.setenv("JAMCAM_KEY", "x")
    path = tmp_path / "hopper.toml"
    path.write_text('title = "x"\nscheduler = "slurm"\nwall_time = "1:00:00"\ncompute_capability = 9.0\n')

    assert faults(login(str(path), engine="tao", image=image("x86_64"), tao_version="3.21.11")) == {
        "engine": "TAO 3.21.11 knows GPUs up to 8.9, not 9.0"
    }
    assert faults(login(str(path), engine="tao", image=image("x86_64"), tao_version="5.0.0")) == {}


def test_an_old_driver_is_refused(login, image, tmp_path, monkeypatch):
    monkeypatch.setenv("JAMCAM_KEY", "x")
    path = tmp_path / "old.toml"
    path.write_text('title = "x"\nscheduler = "slurm"\nwall_time = "1:00:00"\ndriver = "418.67"\n')

    assert faults(login(str(path), engine="tao", image=image("x86_64"), tao_version="3.21.11")) == {
        "engine": "TAO 3.21.11 needs driver 465, there is 418.67"
    }


def test_a_missing_image_and_a_missing_key_are_found(login, tmp_path):
    settings = login("jade", engine="tao", image=str(tmp_path / "none.sif"), tao_version="3.21.11")

    assert faults(settings) == {"image": "is not there", "model key": "TAO 3 needs a model key"}


def test_a_container_command_is_not_looked_for_on_login_nodes_that_have_none(login, image, monkeypatch, tmp_path):
    settings = login("jade", engine="tao", image=image("x86_64"), tao_version="5.0.0")
    (tmp_path / "bin" / "singularity").unlink()

    assert faults(settings) == {}


def test_a_machine_without_sbatch_is_no_login_node(login, tmp_path):
    settings = login("jade")
    (tmp_path / "bin" / "sbatch").unlink()

    assert faults(settings) == {
        "scheduler": "there is no sbatch: this is no login node of JADE2, Hartree Centre and Oxford (Tier 2)"
    }


def test_a_machine_of_its_own_needs_no_queue(login):
    assert faults(login("local")) == {}
    assert faults(login("wsl2")).keys() == {"kernel"}
