"""How often a reader changes rooms in two walks: `python tests/architecture/walks.py [--json]`.

    train   from `jamcam train --epochs=3` to the marker
    sample  from a sample of the machine to a dot in a plot

Each walk is a real run (made frames, the fake engine of the tests, a stand-in for NVML where there is a C
compiler) in which every process notes the modules through which the thing that is followed passes, in the
order in which it first comes to them: a function is noted when one of its arguments holds the thing. The
rooms of these modules, one after the other, are the walk; a change from one room to the next is a move. Files
on the ground floor are no room.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
FAKES = CHECKOUT / "tests" / "fakes"
# Loaded by every Python of the run, since Python imports a module of this name where it finds one.
TRACER = """
import os, sys, time
FOLLOWED, LOG = set(os.environ["WALK_FOLLOWED"].split()), os.environ["WALK_LOG"]
TOP = os.environ["WALK_TOP"]
seen = set()
def holds(value):
    if type(value).__name__ in FOLLOWED:
        return True
    if isinstance(value, dict):
        return "unix_s" in value and "samples" in FOLLOWED
    return isinstance(value, (list, tuple)) and bool(value) and type(value[0]).__name__ in FOLLOWED
def note(frame, event, argument):
    if event != "call":
        return
    code = frame.f_code
    if not code.co_filename.startswith((TOP + "/harness/", TOP + "/probe/")):
        return
    module = code.co_filename[len(TOP) + 1 : -3].replace("/", ".")
    if module in seen or module.endswith("__main__"):
        return
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    if any(holds(frame.f_locals.get(name)) for name in names):
        seen.add(module)
        with open(LOG, "a") as log:
            log.write(f"{time.time():.6f} {module}\\n")
sys.setprofile(note)
"""
WALKS = {
    "train": (
        ("Settings", "Attempt", "Marker", "Request", "Engine", "Namespace"),
        [["train", "--recipe=smoke", "--epochs=3"]],
    ),
    "sample": (
        ("samples", "SampleFile", "Sensor", "Energy", "Run", "Record", "Setup", "Dots", "Panel"),
        [["bench", "--recipe=smoke"], ["plots"]],
    ),
}


def walk(followed: tuple[str, ...], commands: list[list[str]]) -> list[str]:
    """Modules in the order in which what is followed first came to them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "sitecustomize.py").write_text(TRACER)
        (folder / "bin").mkdir()
        shutil.copy(FAKES / "bin" / "yolo_v4", folder / "bin")
        names = {
            **os.environ,
            "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{folder}{os.pathsep}{CHECKOUT}",
            "LD_LIBRARY_PATH": str(_nvml(folder)),
            "WALK_LOG": str(folder / "log"),
            "WALK_FOLLOWED": " ".join(followed),
            "WALK_TOP": str(CHECKOUT),
            "JAMCAM_ENGINE": "here",
            "JAMCAM_WORKSPACE": str(folder / "workspace"),
            "JAMCAM_RESULTS": str(folder / "results"),
        }
        for command in commands:
            done = subprocess.run(
                [sys.executable, "-m", "harness", *command],
                env=names,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                sys.exit(
                    f"{command} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
                )
        lines = sorted((folder / "log").read_text().splitlines())
    return list(dict.fromkeys(line.split()[1] for line in lines))


def _nvml(folder: Path) -> Path:
    if compiler := shutil.which("gcc"):
        source = FAKES / "nvml" / "nvml.c"
        subprocess.run([compiler, "-shared", "-fPIC", "-o", folder / "libnvidia-ml.so.1", source], check=True)
    return folder


def room(module: str) -> str:
    """`harness.workspace.lock` is in the room workspace; a package beside the harness is itself a room."""
    parts = module.split(".")
    if parts[0] != "harness":
        return parts[0]
    folder = CHECKOUT.joinpath(*parts[:2])
    return parts[1] if folder.is_dir() or parts[1:] == ["cli"] else ""


def main() -> None:
    """Take both walks and tell them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print the modules, too, for a program")
    as_json, told = parser.parse_args().json, {}
    for name, (followed, commands) in WALKS.items():
        modules = walk(followed, commands)
        rooms: list[str] = []
        for place in filter(None, map(room, modules)):
            if rooms[-1:] != [place]:
                rooms.append(place)
        told[name] = {"modules": modules, "rooms": rooms, "moves": len(rooms) - 1}
        if not as_json:
            print(f"{name}: {len(rooms) - 1} moves, {len(modules)} files: {' > '.join(rooms)}")
    if as_json:
        print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
