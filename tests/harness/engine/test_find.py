import sys

import pytest

from harness.engine import dialect
from harness.engine.find import environment, package_root, resolve
from harness.errors import ConfigError
from yolo_v4 import __version__ as detector_version


@pytest.fixture
def on_path(tmp_path, monkeypatch):
    """Puts a program of that name and content on PATH, and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(name, content="#!/bin/sh\n"):
        (folder / name).write_text(content)
        (folder / name).chmod(0o755)
        return str(folder / name)

    return put


def test_the_portable_engine_is_our_package_in_this_environment(settings, checkout):
    engine = resolve(settings(engine="portable"))

    assert engine.prefix == (sys.executable, "-m")
    assert engine.program == "yolo_v4"
    assert (engine.identity.name, engine.identity.version) == ("portable", detector_version)
    assert package_root("yolo_v4") == checkout


def test_here_resolves_to_the_real_engines_name(settings, on_path):
    here = settings(tao_version="5.0.0")
    program = on_path(
        "yolo_v4", "#!/usr/bin/python\nfrom nvidia_tao_tf1.cv.yolo_v4.entrypoint.yolo_v4 import main\n"
    )

    engine = resolve(here)

    assert (engine.program, engine.identity.name, engine.identity.version) == (program, "tao", "5.0.0")


def test_here_knows_our_own_program(settings, on_path):
    here = settings()
    on_path("yolo_v4", "#!/usr/bin/python\nfrom yolo_v4.cli import main\n")

    assert resolve(here).identity.name == "portable"


def test_a_program_we_do_not_know_goes_by_its_contents(settings, on_path):
    first, second = settings(), settings()
    on_path("yolo_v4", "#!/bin/sh\nexit 0\n")
    before = resolve(first).identity
    on_path("yolo_v4", "#!/bin/sh\nexit 1\n")

    assert before.name == "yolo_v4 on PATH"
    assert resolve(second).identity.version != before.version


def test_here_without_a_program_on_path_is_refused(settings, on_path):
    here = settings()

    with pytest.raises(ConfigError, match="no program yolo_v4 on PATH"):
        resolve(here)


def test_tao_runs_in_its_container_with_apptainer_before_singularity(settings, on_path, tmp_path):
    options = {"engine": "tao", "image": str(tmp_path / "tao.sif"), "tao_version": "3.21.11"}
    on_path("singularity")
    assert resolve(settings(**options)).prefix[0] == "singularity"
    on_path("apptainer")

    engine = resolve(settings(**options))

    assert engine.prefix[:3] == ("apptainer", "exec", "--nv")
    assert (engine.program, engine.dialect, engine.passes_key) == ("yolo_v4", dialect.TAO_3, False)


def test_the_model_key_reaches_the_engine_in_its_environment_only(settings, on_path, monkeypatch, tmp_path):
    tao = settings(engine="tao", image=str(tmp_path / "tao.sif"))
    monkeypatch.setenv("KEY", "open sesame")

    assert resolve(tao).passes_key
    assert environment(tao)["APPTAINERENV_JAMCAM_KEY"] == "open sesame"
    assert "open sesame" not in str(resolve(tao))
