"""Settings of pip and Python that a module or a site has set: ignored, or refused by their name."""

import os
import subprocess

import pytest


@pytest.mark.parametrize(
    ("arguments", "environ", "expected"),
    [
        ([], {}, ["", ""]),
        (["ENGINE=tao"], {}, ["", ""]),
        (["ENGINE=here"], {}, ["/of/a/module", ""]),
        ([], {"JAMCAM_ENGINE": "here"}, ["/of/a/module", ""]),
        (["VENV=none"], {}, ["/of/a/module", "/python/of/a/module"]),
    ],
)
def test_make_keeps_packages_of_modules_out_of_its_own_environment(checkout, tmp_path, arguments, environ, expected):
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$PYTHONPATH"; echo "$PYTHONHOME"\n')
    python.chmod(0o755)
    (tmp_path / "venv" / ".ready-base").touch()
    result = subprocess.run(
        ["make", "status", f"VENV={tmp_path}/venv", f"PYTHON={python}", *arguments],
        cwd=checkout,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": "/of/a/module", "PYTHONHOME": "/python/of/a/module", **environ},
        capture_output=True,
        text=True,
        check=True,
    )

    assert result.stdout.splitlines() == expected
