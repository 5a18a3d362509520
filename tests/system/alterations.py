"""Forty alterations, which `alterations.toml` lists with the answers that are expected of `jamcam reproduce`.

Each takes the folder of a workspace in which all nine stages were done, and changes something in it; those of
the surroundings give variables for the environment in which the run is reproduced.
`python tests/system/alterations.py WORKSPACE` tries all of them, and prints a row for each.
"""

import csv
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
LISTED = Path(__file__).with_suffix(".toml")
FRAMES, LABELS = "data/.frames/images", "data/.frames/labels"
TIMEOUT_S = 1800.0


def first(root: Path, folder: str, pattern: str = "*") -> Path:
    return min(path for path in (root / folder).glob(pattern) if path.is_file() and path.stat().st_size)


def write(path: Path, content: bytes | str) -> None:
    """Give a file another content; the frames' other names, which are links, keep the old one."""
    path.unlink()
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, (path, old)
    write(path, text.replace(old, new, 1))


def edit_json(path: Path, change: Callable[[dict], None], **how: int) -> None:
    table = json.loads(path.read_text())
    change(table)
    write(path, json.dumps(table, **how))


def a_byte_of(path: Path) -> None:
    """Another byte in the middle of a file; of a picture, one that changes what is seen."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x55
    write(path, bytes(content))


def comment_in_jpeg(path: Path) -> None:
    content, text = path.read_bytes(), b"seen"
    segment = b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text
    write(path, content[:2] + segment + content[2:])


def score(root: Path) -> None:
    path = root / "experiment/detections.jsonl"
    row, *rest = path.read_text().splitlines()
    table = json.loads(row)
    table["score"] += 0.1
    write(path, "\n".join([json.dumps(table), *rest]) + "\n")


def loss(root: Path) -> None:
    path = first(root, "experiment", "yolov4_training_log_*.csv")
    rows = [*csv.reader(io.StringIO(path.read_text()))]
    rows[-1][rows[0].index("loss")] = "1.25"
    write(path, "\n".join(map(",".join, rows)) + "\n")


def weight(root: Path) -> None:
    import torch

    path = max((root / "experiment/weights").glob("*.pt"))
    content = torch.load(path, weights_only=True)
    tensor = next(iter(content["weights"].values()))
    tensor[(0,) * tensor.dim()] += 0.001
    path.unlink()
    torch.save(content, path)


def save_again(root: Path) -> None:
    import torch

    for path in (root / "experiment/weights").glob("*.pt"):
        content = torch.load(path, weights_only=True)
        path.unlink()
        torch.save(content, path)  # the name of the file gets into the bytes


def onnx_model(root: Path, change: Callable[..., None]) -> None:
    import onnx

    path = first(root, "experiment/export", "*.onnx")
    model = onnx.load_from_string(path.read_bytes())
    change(model)
    write(path, model.SerializeToString())


def onnx_weight(model) -> None:
    import numpy as np
    from onnx import numpy_helper

    tensor = next(one for one in model.graph.initializer if len(one.dims) > 1)
    values = np.array(numpy_helper.to_array(tensor))
    values.flat[0] += 0.001
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def example(root: Path) -> None:
    from yolo_v4.data.tfrecord import decode, encode, read_records, write_records

    path = first(root, "data/train/tfrecords", "*-shard-*")
    records = [decode(record) for record in read_records(path)]
    changed = next(record for record in records if record["target/coordinates_x1"])
    changed["target/coordinates_x1"][0] += 1
    path.unlink()
    write_records(path, map(encode, records))


def swap_split(root: Path) -> None:
    def swap(table: dict) -> None:
        table["train"][0], table["val"][0] = table["val"][0], table["train"][0]

    edit_json(root / "data/split.json", swap)


def times(root: Path) -> None:
    for path in root.rglob("*"):
        os.utime(path, (1e9, 1e9), follow_symlinks=False)


def permissions(root: Path) -> None:
    for path in (root / "experiment").rglob("*"):
        path.chmod(0o755)


def marker(root: Path, stage: str, change: Callable[[dict], None]) -> None:
    edit_json(root / ".markers" / f"{stage}.json", change)


def other_digest(table: dict) -> None:
    table["products"][0]["sha256"] = "0" * 64


OF_FILES: dict[str, Callable[[Path], None]] = {
    "a-byte-of-a-frame": lambda root: a_byte_of(first(root, FRAMES)),
    "a-byte-of-a-drawn-picture": lambda root: a_byte_of(
        first(root, "experiment/visualisations/images_annotated")
    ),
    "a-comment-in-the-header-of-a-frame": lambda root: comment_in_jpeg(first(root, FRAMES)),
    "a-frame-removed": lambda root: first(root, FRAMES).unlink(),
    "a-frame-added": lambda root: shutil.copy(first(root, FRAMES), root / FRAMES / "zz.jpg"),
    "a-number-in-a-label": lambda root: edit(first(root, LABELS), "0.00", "1.00"),
    "a-class-in-a-raw-label": lambda root: write(
        path := first(root, "data/.frames/labels_raw"),
        f"{(int(path.read_text()[0]) + 1) % 6}{path.read_text()[1:]}",
    ),
    "other-line-ends-in-a-label": lambda root: edit(first(root, LABELS), "\n", "\r\n"),
    "an-anchor": lambda root: edit_json(
        root / "experiment/anchors.json", lambda table: table["big"][0].__setitem__(0, 1.5)
    ),
    "an-average-precision": lambda root: edit_json(
        root / "experiment/metrics.json", lambda table: table.update(mAP=0.9)
    ),
    "json-with-other-blanks": lambda root: edit_json(
        root / "experiment/metrics.json", lambda table: None, indent=7
    ),
    "a-score-of-a-detection": score,
    "a-loss-in-the-training-log": loss,
    "a-name-in-the-list-of-classes": lambda root: edit(root / "data/.frames/obj.names", "bus", "tram"),
    "a-frame-moved-to-another-split": swap_split,
    "a-number-of-the-spec-as-used": lambda root: edit(
        first(root, "experiment", "yolo_v4_train_*.txt"), "max_learning_rate: 1e-3", "max_learning_rate: 2e-3"
    ),
    "a-comment-in-the-spec-as-used": lambda root: edit(
        first(root, "experiment", "yolo_v4_train_*.txt"), "random_seed", "# why not\nrandom_seed"
    ),
    "a-weight": weight,
    "a-byte-of-the-weights": lambda root: a_byte_of(max((root / "experiment/weights").glob("*.pt"))),
    "weights-saved-again": save_again,
    "a-weight-of-the-exported-model": lambda root: onnx_model(root, onnx_weight),
    "another-producer-of-the-exported-model": lambda root: onnx_model(
        root, lambda model: setattr(model, "producer_name", "somebody")
    ),
    "an-example-of-the-records": example,
    "the-weights-removed": lambda root: shutil.rmtree(root / "experiment/weights"),
    "times-of-change": times,
    "permissions": permissions,
    "a-line-of-the-copy-of-the-spec": lambda root: edit(
        first(root, "specs", "yolo_v4_train_*.txt"), "max_learning_rate: 1e-3", "max_learning_rate: 2e-3"
    ),
    "logs-removed": lambda root: shutil.rmtree(root / ".attempts"),
    "the-seed-in-the-inputs": lambda root: edit_json(
        root / ".markers/inputs/train.json", lambda table: table["inputs"].update(seed="43")
    ),
    "the-digest-of-a-product": lambda root: marker(root, "train", other_digest),
    "a-marker-removed": lambda root: (root / ".markers/train.json").unlink(),
    "a-marker-of-a-newer-schema": lambda root: marker(
        root, "train", lambda table: table.update(schema_version=2)
    ),
}
OF_MARKERS = (
    *("the-seed-in-the-inputs", "the-digest-of-a-product", "a-marker-removed"),
    "a-marker-of-a-newer-schema",
)
CLOCK = """import time
_time, _now = time.time, time.localtime
time.time = lambda: _time() + 400 * 86400.0
time.localtime = lambda seconds=None: _now(time.time() if seconds is None else seconds)
"""


def clock(folder: Path) -> dict[str, str]:
    """Every Python that is started sees the time of another year."""
    (folder / "sitecustomize.py").write_text(CLOCK)
    return {"PYTHONPATH": str(folder)}


def package(folder: Path) -> dict[str, str]:
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--target",
        str(folder),
        "pillow==12.2.0",
    ]
    subprocess.run(pip, check=True)
    return {"PYTHONPATH": str(folder)}


def engine(folder: Path) -> dict[str, str]:
    """The stand-in of the tests in place of the engine of then; its command line is the same."""
    shutil.copy(CHECKOUT / "tests/fakes/bin/yolo_v4", folder)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "JAMCAM_ENGINE": "here"}


OF_SURROUNDINGS: dict[str, Callable[[Path], dict[str, str]]] = {
    "the-locale": lambda folder: {"LC_ALL": "C", "LANG": "tr_TR.UTF-8", "PYTHONUTF8": "1"},
    "the-time-zone": lambda folder: {"TZ": "Pacific/Auckland"},
    "the-clock": clock,
    "the-order-of-sets": lambda folder: {"PYTHONHASHSEED": str(random.randrange(1, 2**32))},
    "the-umask": lambda folder: {},
    "a-seed-in-the-environment": lambda folder: {"JAMCAM_SEED": "7", "JAMCAM_EPOCHS": "1"},
    "a-version-of-a-package": package,
    "another-engine": engine,
}


def reproduce(source: Path, own: Path, umask: int = -1, **environment: str) -> tuple[int, str, str]:
    """Status, printed text, and the level of the receipt; "cannot tell" where none was written."""
    before = {*own.glob("receipt*.json")}
    ended = subprocess.run(
        [sys.executable, "-m", "harness", "reproduce", str(source), f"--workspace={own}"],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        umask=umask,
    )
    written = {*own.glob("receipt*.json")} - before
    level = json.loads(written.pop().read_text())["level"] if written else ""
    level = level or ("cannot tell" if ended.returncode == 5 else "")
    return ended.returncode, ended.stdout + ended.stderr, level


def try_files(name: str, source: Path, own: Path, folder: Path) -> tuple[int, str, str]:
    """Alter a copy of `source`, and compare it with `own`, its reproduction, or reproduce it anew."""
    altered, again = folder / "altered", folder / "own"
    shutil.copytree(source, altered)
    OF_FILES[name](altered)
    if name not in OF_MARKERS:  # after which it is another run, which is reproduced anew
        shutil.copytree(own, again)
    return reproduce(altered, again)


def try_surroundings(name: str, source: Path, folder: Path) -> tuple[int, str, str]:
    """Reproduce `source` anew in other surroundings."""
    (folder / "aside").mkdir()
    variables = OF_SURROUNDINGS[name](folder / "aside")
    return reproduce(source, folder / "own", 0o077 if name == "the-umask" else -1, **variables)


def main(source: Path, *chosen: str) -> None:
    from harness.settings.declared import read_toml

    expected = read_toml(LISTED)
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder, "own")
        status, printed, level = reproduce(source, own)
        assert (status, level) == (0, "same bytes"), printed
        for name in chosen or expected:
            place = Path(folder, name)
            place.mkdir()
            done = (
                try_files(name, source, own, place)
                if name in OF_FILES
                else try_surroundings(name, source, place)
            )
            shutil.rmtree(place)
            right = "as expected" if done[2] == expected[name]["level"] else "NOT AS EXPECTED"
            print(f"{name}: {done[2]} (status {done[0]}), {right}", flush=True)
            if right != "as expected":
                print(done[1][-4000:], flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(CHECKOUT))
    main(Path(sys.argv[1]).absolute(), *sys.argv[2:])
