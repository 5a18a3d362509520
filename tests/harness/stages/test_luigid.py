import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

from harness.stages import luigid


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_luigis_page_is_served_on_loopback_and_its_state_is_for_its_owner_only(workspace, checkout):
    port = free_port()
    program = (
        "import sys; from pathlib import Path; from harness.workspace.layout import Workspace;"
        f"from {luigid.__name__} import serve;"
        f"sys.exit(serve(Workspace(Path({str(workspace)!r})), port={port}))"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=checkout,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        page = wait_for(f"http://127.0.0.1:{port}/static/visualiser/index.html")
        assert b"Luigi Task Visualiser" in page
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.communicate(timeout=10)
    assert (workspace / ".luigid-state").stat().st_mode & 0o077 == 0


def wait_for(address):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 20
    while True:
        try:
            with opener.open(address, timeout=2) as answer:
                return answer.read()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
