"""Programs of Slurm, played by small ones."""

import pytest


@pytest.fixture
def plays(tmp_path, monkeypatch):
    """Puts a program of Slurm on PATH: shell lines, whose calls are kept."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def put(name, body):
        (folder / name).write_text(f"#!/bin/sh\necho {name} \"$@\" >> '{tmp_path}/calls'\n{body}\n")
        (folder / name).chmod(0o755)

    put.folder = tmp_path
    put.calls = lambda: (tmp_path / "calls").read_text().splitlines() if (tmp_path / "calls").exists() else []
    return put
