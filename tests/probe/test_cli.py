"""What the words do apart from watching: help, answers, and errors in words."""

import hashlib
import json

import pytest

from probe.cli import main
from probe.samples import read_columns

HEADING = "#Date Time gpu pwr\n"


@pytest.fixture
def without(tmp_path, checkout):
    """An environment in which packages of these names cannot be imported."""

    def without(*names):
        for name in names:
            (tmp_path / f"{name}.py").write_text(f'raise ImportError("No module named {name!r}")\n')
        return {"PYTHONPATH": f"{tmp_path}:{checkout}"}

    return without


@pytest.mark.parametrize("verb", [(), ("run",), ("sample",), ("describe",), ("metrics",), ("convert",)])
def test_every_verb_has_help(capsys, verb):
    with pytest.raises(SystemExit) as ended:
        main([*verb, "--help"])

    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: {' '.join(['python -m probe', *verb])}")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "the following arguments are required: VERB"),
        (["watch"], "invalid choice: 'watch'"),
        (["run", "--gpu-hz=0", "--", "true"], "'0' is no number from 0.001 to 1000"),
        (["run", "--host-hz=often", "--", "true"], "'often' is no number"),
        (["run", "--gpu-hz=nan", "--", "true"], "'nan' is no number"),
        (["sample", "folder"], "the following arguments are required: PID"),
        (["sample", "folder", "1", "--window-s=-1"], "'-1' is no number from 0 to 86400"),
    ],
)
def test_words_that_make_no_sense_are_2_and_told(capsys, words, complaint):
    with pytest.raises(SystemExit) as ended:
        main(words)

    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("words", [["run"], ["run", "--"], ["run", "--json"]])
def test_without_a_command_there_is_nothing_to_run(capsys, words):
    assert main(words) == 2
    assert capsys.readouterr().err == (
        "probe: there is no command to watch\n  try: python -m probe run -- COMMAND\n"
    )


def test_words_of_the_command_are_its_own(probe):
    assert probe("run", "echo", "--json", "--", "-c").stdout == "--json -- -c\n"
    assert probe("run", "--", "echo", "--json", "--", "-c").stdout == "--json -- -c\n"


def test_a_machine_is_described_for_people_and_for_programs(probe, nvml_folder):
    environment = {"LD_LIBRARY_PATH": str(nvml_folder)}
    facts = json.loads(probe("describe", "--json", environment=environment).stdout)
    text = probe("describe", environment=environment).stdout

    assert [gpu["uuid"] for gpu in facts["gpus"]] == ["GPU-0", "GPU-1"]
    assert (facts["driver"], facts["cuda"]) == ("550.54.14", "12.4")
    lines = dict(line.split(maxsplit=1) for line in text.splitlines())
    assert lines["cpu_model"] == facts["cpu_model"]
    assert lines["cores"] == str(facts["cores"])
    assert lines["gpu1"] == "Stand-in GPU, uuid GPU-1, memory_bytes 16000000000, power_limit_w 250.0"


def test_without_a_driver_it_says_why_there_are_no_gpus(probe, nvml_folder):
    environment = {"LD_LIBRARY_PATH": str(nvml_folder), "FAKE_NVML": "none"}

    assert "none: NVIDIA's driver does not answer: " in probe("describe", environment=environment).stdout


def test_without_nvidia_ml_py_and_numpy_everything_else_is_there(probe, without, tmp_path):
    environment = without("pynvml", "numpy")

    assert (
        "none: the package nvidia-ml-py is not installed" in probe("describe", environment=environment).stdout
    )
    assert "gpu<n>_power_w" in probe("metrics", environment=environment).stdout
    out = str(tmp_path / "out")
    summary = json.loads(
        probe("run", "--json", "--out", out, "--", "sleep", "0.3", environment=environment).stdout
    )
    assert summary["faults"] == []
    assert "host_cpu_pct" in read_columns(tmp_path / "out")


def test_without_psutil_it_says_what_to_install(probe, without):
    answer = probe("describe", environment=without("psutil"), status=1)

    assert answer.stderr == "probe: No module named 'psutil'\n  try: pip install psutil nvidia-ml-py\n"


def test_metrics_are_listed_for_programs(capsys):
    assert main(["metrics", "--json"]) == 0

    rows = {row["metric"]: row for row in json.loads(capsys.readouterr().out)}
    assert (rows["gpu<n>_power_w"]["unit"], rows["gpu<n>_power_w"]["source"]) == (
        "W",
        "nvmlDeviceGetPowerUsage",
    )
    assert rows["tree_rss_bytes"]["beats"] == 1


def test_a_log_of_dmon_is_converted_and_what_was_put_right_is_told(capsys, tmp_path):
    log, folder = tmp_path / "dmon.txt", tmp_path / "out"
    log.write_text(HEADING + "20220704 12:00:00 0 100\n20220704 12:00:01 0 -\n20220704 12:0")

    assert main(["convert", str(log), str(folder), "--json"]) == 0

    faults = [
        "its times tell no zone and are read as UTC",
        "line 4, the last, has no end: it may be cut and is left out",
    ]
    part = {"folder": str(folder), "task": "", "samples": 2, "faults": faults}
    sha256 = hashlib.sha256(log.read_bytes()).hexdigest()
    assert json.loads(capsys.readouterr().out) == {"name": "dmon.txt", "sha256": sha256, "parts": [part]}
    columns = read_columns(folder)
    assert [*columns["unix_s"]] == [1_656_936_000.0, 1_656_936_001.0]
    assert columns["gpu0_power_w"][0] == 100.0
    assert columns["gpu0_power_w"][1] != columns["gpu0_power_w"][1]
    assert main(["convert", str(log), str(folder)]) == 2
    assert f"probe: {folder} holds samples already" in capsys.readouterr().err


def test_converting_says_for_people_what_it_did(capsys, tmp_path):
    log, folder = tmp_path / "dmon.txt", tmp_path / "out"
    log.write_text(HEADING + "20220704 12:00:00 0 100\n")

    assert main(["convert", str(log), str(folder)]) == 0
    assert capsys.readouterr().out == (f"1 samples in {folder}\nits times tell no zone and are read as UTC\n")


@pytest.mark.slow
def test_a_reader_that_has_left_changes_no_status(start_probe):
    process = start_probe("run", "--json", "--", "sh", "-c", "sleep 0.5; exit 3")
    process.stdout.close()

    assert process.wait(timeout=30) == 3
    assert "Traceback" not in process.stderr.read()


def test_control_characters_of_a_log_and_odd_file_names_are_shown_as_escapes(capsys, tmp_path):
    log = tmp_path / "log"
    log.write_text(f"{HEADING}20220704 12:00:00 0 \x1b[2J\n20220704 12:00:01 0 5\n")
    assert main(["convert", str(log), str(tmp_path / "out")]) == 0
    assert r"count as not read: \x1b[2J" in capsys.readouterr().out

    assert main(["convert", "none\udcff\x1b", str(tmp_path / "out")]) == 2
    assert r"cannot read none\udcff\x1b: No such file" in capsys.readouterr().err
