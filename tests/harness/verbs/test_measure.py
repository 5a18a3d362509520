import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import main
from harness.errors import ConfigError
from harness.measure.record_files import begin_record, close_record
from harness.report import redraw
from tests.harness.made import record

pytestmark = pytest.mark.usefixtures("signals_as_before")
NOT_IN_A_BASE_INSTALL = ("matplotlib", "pandas", "mpl_toolkits", "pylab", "torch", "onnx")


@pytest.fixture
def base_install(tmp_path):
    """Runs `jamcam` with the packages of a base install alone; gives exit status, stdout and stderr."""
    site = tmp_path / "site"
    site.mkdir()
    for path in Path(importlib.util.find_spec("luigi").origin).parents[1].iterdir():
        if not path.name.startswith(NOT_IN_A_BASE_INSTALL):
            (site / path.name).symlink_to(path)

    def run(*arguments, cwd):
        program = (
            f"import sys; sys.path[:0] = [{str(cwd)!r}, {str(site)!r}];"
            "from harness.cli import main; sys.exit(main())"
        )
        ended = subprocess.run(
            [sys.executable, "-I", "-S", "-c", program, *arguments],
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
        )
        return ended.returncode, ended.stdout, ended.stderr

    return run


def test_a_base_install_says_what_plots_need_and_how_to_get_it(base_install, checkout, tmp_path):
    one = record("train", [100.0] * 5)
    close_record(begin_record(tmp_path / "results", one), one)

    status, _, complaint = base_install("plots", f"--results={tmp_path / 'results'}", cwd=checkout)

    message, remedy = complaint.splitlines()
    assert status == 2
    assert message.startswith("jamcam: nothing can be drawn")
    assert "make plots" in remedy


def test_a_base_install_can_look_and_compare(base_install, checkout, tmp_path):
    for number in (1, 2):
        one = record(
            "train",
            [100.0] * 5,
            bench=f"2026020{number}T000000Z-0000",
            started=f"2026-02-0{number}T00:00:00Z",
        )
        close_record(begin_record(tmp_path / "results", one), one)
    sides = [f"--{side}=2026020{number}T000000Z-0000" for number, side in enumerate("ab", 1)]

    assert base_install("status", "--recipe=smoke", f"--workspace={tmp_path}", cwd=checkout)[0] == 0
    assert base_install("compare", *sides, f"--results={tmp_path / 'results'}", cwd=checkout)[0] == 0


def test_a_bench_that_cannot_be_drawn_has_measured_all_the_same(settings, monkeypatch, tmp_path, capsys):
    def refused(results, *, say):
        raise ConfigError("nothing can be drawn", remedy="make plots")

    monkeypatch.setattr(redraw, "redraw", refused)
    monkeypatch.setattr("harness.measure.bench.bench", lambda settings, *, say, scaling: [])
    monkeypatch.chdir(tmp_path)
    options = [f"--{name}={text}" for name, text in settings().cli_options.items()]

    assert main(["bench", *options]) == 0
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "nothing was drawn: nothing can be drawn",
        "  try: make plots",
        f"records: {tmp_path / 'results' / 'local'}",
    ]


def test_a_stage_that_fails_in_a_bench_names_a_command_that_can_be_typed(settings, monkeypatch):
    given = []
    monkeypatch.setattr(redraw, "redraw", lambda results, *, say: None)
    monkeypatch.setattr("harness.measure.bench.bench", lambda settings, **more: given.append(settings) or [])
    options = [f"--{name}={text}" for name, text in settings().cli_options.items()]

    main(["bench", *options, "--gpu-hz=5", "--keep=1", "--epochs=3"])

    (used,) = given
    assert (used.gpu_hz, used.keep, used.origins["keep"]) == (5, True, "command line")
    assert used.command("train").endswith(" --epochs=3")
    assert "gpu-hz" not in used.command("train")


def test_a_study_measures_each_count_of_gpus_with_settings_of_its_own(settings, monkeypatch):
    given = []
    monkeypatch.setattr(redraw, "redraw", lambda results, *, say: None)
    monkeypatch.setattr("harness.measure.bench.bench", lambda settings, **more: given.append(settings) or [])
    options = [f"--{name}={text}" for name, text in settings().cli_options.items()]

    assert main(["scaling", *options, "--gpus=1,2", "--batch=4"]) == 0
    assert [one.gpus for one in given] == [1, 2]
    assert main(["scaling", *options, "--gpus=1,3", "--batch=4"]) == 2
    assert main(["scaling", *options, "--gpus=1,x"]) == 2
    assert len(given) == 2
