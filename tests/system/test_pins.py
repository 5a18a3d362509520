"""One set of pins holds for every Python we promise, asked of pip itself."""

import json
import re
import subprocess
import sys

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROMISED = ["3.10", "3.11", "3.12", "3.13"]


@pytest.fixture(scope="module")
def project(checkout):
    return tomllib.loads((checkout / "pyproject.toml").read_text())["project"]


@pytest.mark.system
@pytest.mark.slow
@pytest.mark.parametrize("version", PROMISED)
def test_the_base_packages_resolve_to_the_pins(version, interpreter, checkout, project):
    order = [
        "install",
        "--dry-run",
        "--ignore-installed",
        "--quiet",
        "--report",
        "-",
        "-c",
        "constraints.txt",
    ]
    answer = subprocess.run(
        [interpreter(version), "-m", "pip", *order, *project["dependencies"]],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if re.search(r"NewConnectionError|ConnectTimeout|Max retries|NameResolution", answer.stderr):
        pytest.skip("no package index can be reached from here")
    assert answer.returncode == 0, answer.stderr

    pins = dict(re.findall(r"^([\w-]+)==(\S+)$", (checkout / "constraints.txt").read_text(), re.MULTILINE))
    chosen = {
        item["metadata"]["name"]: item["metadata"]["version"] for item in json.loads(answer.stdout)["install"]
    }
    assert {name: pins.get(name.lower().replace("_", "-")) for name in chosen} == chosen


def test_pyproject_and_this_test_promise_the_same_pythons(project):
    assert project["requires-python"] == f">={PROMISED[0]}"
