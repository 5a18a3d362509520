"""Nothing in the repository names one machine or one mirror."""

import os
import re
import subprocess
import sys

# Written in halves, so that this file does not find itself.
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:wo" + r"rk|fa" + r"rm|ro" + r"ot|ho" + r"me/\w+|o" + r"pt)/")
PACKAGE_HOSTS = ["py" + "pi.org", "python" + "hosted.org", "download." + "pytorch.org", "registry." + "npmjs"]


def configured_hosts():
    """Hosts of the package mirrors this machine is set up with."""
    settings = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    addresses = settings.stdout + " ".join(
        value for name, value in os.environ.items() if name.startswith("PIP_")
    )
    return {host for host in re.findall(r"https?://(?:[^/@\s']*@)?([^/:\s']+)", addresses) if "." in host}


def lines_with(tracked, found_in):
    return [
        f"{path.name}:{number}: {line.strip()}"
        for path in tracked
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if found_in(line)
    ]


def test_no_path_of_one_machine_is_written_down(tracked):
    assert lines_with(tracked, MACHINE_PATH.search) == []


def test_no_package_registry_is_named(tracked):
    hosts = [*PACKAGE_HOSTS, *configured_hosts()]
    assert lines_with(tracked, lambda line: any(host in line for host in hosts)) == []
