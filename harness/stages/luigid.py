"""luigi's central scheduler with its web page, for this machine only."""

import os
import subprocess
import sys

from harness.workspace.layout import Workspace


def serve(workspace: Workspace, *, port: int) -> int:
    """Run luigid on 127.0.0.1 until it is interrupted; its state, in the workspace, is its owner's only."""
    state = workspace.root / ".luigid-state"
    workspace.root.mkdir(parents=True, exist_ok=True)
    print(
        f"luigi's page: http://127.0.0.1:{port}/ (end it with Ctrl-C)\n"
        f"  runs report to it with: jamcam all --scheduler {port}\n"
        "  on a shared login node every user of that node can open it",
        flush=True,
    )
    os.umask(0o077)
    if state.exists():
        state.chmod(0o600)
    program = "from luigi.cmdline import luigid; luigid()"
    options = ["--address", "127.0.0.1", "--port", str(port), "--state-path", str(state)]
    return subprocess.run([sys.executable, "-c", program, *options], check=False).returncode
