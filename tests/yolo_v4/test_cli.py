import errno
import json
import os
import signal
import subprocess
import sys
import types
from pathlib import Path

import pytest

from yolo_v4.cli import COMMANDS, main

PRUNE = ["prune", "-m", "model", "-o", "out", "-e", "spec"]


def _yolo_v4(*arguments: str, checkout: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    command = [sys.executable, "-m", "yolo_v4", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_help_names_every_sub_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["--help"])
    assert leaving.value.code == 0
    told = capsys.readouterr().out
    assert all(f"\n    {name} " in told for name in COMMANDS)


@pytest.mark.parametrize("command", ["--help", *COMMANDS])
def test_help_comes_without_torch(checkout: Path, command: str) -> None:
    code = (
        "import sys, yolo_v4.cli\n"
        f"try: yolo_v4.cli.main([{command!r}, '--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("std::bad_alloc"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
        OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
        ImportError("libtorch_cpu.so: failed to map segment from shared object", name="torch"),
    ],
)
def test_memory_that_runs_out_in_any_command_is_told_without_a_traceback(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(module: str) -> None:
        raise error

    monkeypatch.setattr("yolo_v4.cli.importlib.import_module", fail)

    assert main(["check_spec", "-e", "spec.txt"]) == 1
    assert capsys.readouterr().err == (
        f"error: memory ran out: {type(error).__name__}: {error}\n"
        "  try: a smaller input size or extension.inference_scale, or a machine with more memory\n"
    )


@pytest.mark.parametrize(("name", "is_ours"), [("torch", False), (None, False), ("yolo_v4.no_such", True)])
def test_a_package_that_cannot_be_imported_is_named_and_a_module_of_ours_is_a_fault(
    name: str | None,
    is_ours: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(module: str) -> None:
        raise ImportError("made for another Python", name=name)

    monkeypatch.setattr("yolo_v4.cli.importlib.import_module", fail)

    assert main(["check_spec", "-e", "spec.txt"]) == 1
    printed = capsys.readouterr().err
    if is_ours:
        assert printed.startswith("Traceback")
        assert printed.endswith("ImportError: made for another Python\n")
        return
    assert printed == (
        "error: a package cannot be imported: made for another Python\n"
        "  try: unset PYTHONPATH, or pip install 'jamcam-harness[detector]' (in a checkout make does it)\n"
    )


@pytest.mark.parametrize(("module", "is_ours"), [("onnxruntime.capi", False), ("yolo_v4.spec", True)])
def test_a_package_that_lacks_a_part_is_named_and_a_module_of_ours_is_a_fault(
    module: str, is_ours: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: str) -> object:
        return types.ModuleType(module).Session  # as of one whose files are gone

    monkeypatch.setattr("yolo_v4.cli.importlib.import_module", fail)

    assert main(["check_spec", "-e", "spec.txt"]) == 1
    printed = capsys.readouterr().err
    if is_ours:
        assert printed.startswith("Traceback")
        return
    assert printed == (
        "error: a package is not whole: module 'onnxruntime.capi' has no attribute 'Session'\n"
        "  try: pip install --force-reinstall onnxruntime\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["tain"],
        ["kmeans", "-l", "x"],
        ["kmeans", "--unknown"],
        [*PRUNE, "--gpus", "0"],
        [*PRUNE, "--gpus", "2"],
        [*PRUNE, "--use_amp"],
        ["train", "-e", "spec", "-r", "out", "--use_amp", "--numbers", "bf16"],
        ["train", "-e", "spec", "-r", "out", "--numbers", "tf32"],
        [*PRUNE, "-np", "2"],
        ["train", "-e", "spec", "-r", "out", "--gpus", "4", "-np", "2"],
        [*PRUNE, "--gpu_index", "0", "1"],
        [*PRUNE, "--gpu_index", "-1"],
    ],
)
def test_wrong_usage_exits_2_and_says_how_it_is_used(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(arguments)
    assert leaving.value.code == 2
    assert "usage: yolo_v4" in capsys.readouterr().err


def test_flags_of_every_command_stand_before_or_after_it(checkout: Path, tmp_path: Path) -> None:
    for number, order in enumerate((["--log_file", "{}", *PRUNE], [*PRUNE, "--log_file", "{}"])):
        path = tmp_path / str(number) / "log"
        assert _yolo_v4(*(word.format(path) for word in order), checkout=checkout).returncode == 1
        assert "prune is not supported" in path.read_text()


def test_a_failure_is_explained_with_a_remedy_and_status_1(checkout: Path) -> None:
    done = _yolo_v4(*PRUNE, checkout=checkout)
    assert done.returncode == 1
    assert done.stdout == "Execution status: FAIL\n"
    assert done.stderr == (
        "error: prune is not supported, so model was left as it is\n"
        "  try: prune with NVIDIA's container, or not\n"
    )


def test_a_prune_with_all_of_taos_flags_fails_for_the_right_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    more = "-n max -eq union -pg 8 -pth 0.5 -nf 16 -el conv1 conv2 -k key -v --results_dir out"

    assert main([*PRUNE, *more.split()]) == 1

    assert capsys.readouterr().err.startswith("error: prune is not supported, so model was left as it is")


def test_the_log_file_takes_all_output_and_is_appended_to(checkout: Path, tmp_path: Path) -> None:
    log = tmp_path / "deep" / "log.txt"
    first = _yolo_v4(*PRUNE, "--log_file", str(log), checkout=checkout)
    once = log.read_text()
    assert first.returncode == 1
    assert first.stdout == "Execution status: FAIL\n"
    assert first.stderr == f"error: yolo_v4 prune failed\n  try: read the end of {log}\n"
    assert once.startswith("error: prune is not supported")
    _yolo_v4(*PRUNE, "--log_file", str(log), checkout=checkout)
    assert log.read_text() == once * 2


def test_a_log_file_that_cannot_be_written_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*PRUNE, "--log_file", str(tmp_path)]) == 1
    assert "cannot write the log file" in capsys.readouterr().err


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_command_with_its_own_status(
    checkout: Path, tmp_path: Path, number: int, status: int
) -> None:
    pipe = tmp_path / "spec.txt"  # a spec that never comes: the command waits in the middle of its work
    os.mkfifo(pipe)
    arguments = ["dataset_convert", "-d", str(pipe), "-o", str(tmp_path / "out" / "x"), "-r", str(tmp_path)]
    command = [sys.executable, "-m", "yolo_v4", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        process.stderr.readline()  # it has started
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == status
    assert out == "Execution status: FAIL\n"
    assert "Command was interrupted." in err
    assert "Traceback" not in err
    last = json.loads((tmp_path / "status.json").read_text().splitlines()[-1])
    assert (last["status"], last["message"]) == ("FAILURE", "Dataset convert was interrupted.")
