"""All nine stages on an archive as people export it: PNG, two subsets of equal names, turned pictures, two
sizes, and names of files, subsets and classes with blanks and outside ASCII."""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch", reason="the portable engine needs torch")
pytestmark = [pytest.mark.slow, pytest.mark.system]

CHECKOUT = Path(__file__).resolve().parents[2]
CLASSES = ["사람", "traffic light", "v\u00e9lo", "car"]
TURNED = 3  # the EXIF orientation of a camera that hangs upside down


def picture(shade: int, *, kind: str, size: tuple[int, int], turned: bool) -> bytes:
    """Bright in its upper half as it should be seen."""
    pixels = np.full((size[1], size[0], 3), shade, np.uint8)
    pixels[: size[1] // 2] = 220
    exif = Image.Exif()
    if turned:
        exif[0x0112], pixels = TURNED, pixels[::-1, ::-1]
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, exif=exif)
    return stream.getvalue()


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("given") / "거리 export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("obj.names", "\ufeff" + "\r\n".join(CLASSES))
        for subset, frames in (("train", 14), ("valid 2024", 6)):
            for number in range(frames):
                stem, kind = f"obj_{subset}_data/프레임 {number}", "PNG" if number % 2 else "JPEG"
                content = picture(
                    5 * number,
                    kind=kind,
                    size=(160, 120) if number == 5 else (128, 96),
                    turned=number % 4 == 0,
                )
                archive.writestr(f"{stem}.{kind.lower()}", content)
                boxes = [f"{(number + k) % 4} 0.{3 + k} 0.{4 + k} 0.{2 + k} 0.3{k}\n" for k in range(3)]
                archive.writestr(f"{stem}.txt", "".join(boxes))
    return path


def jamcam(folder: Path, *words: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-m", "harness", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    return ended.stdout


def test_all_nine_stages_do_it(export: Path, tmp_path: Path) -> None:
    before = export.read_bytes()
    command = jamcam(tmp_path, "new-dataset", str(export), "--recipe=smoke").splitlines()[-1]
    printed = jamcam(tmp_path, *command.removeprefix("next: jamcam ").split())

    assert export.read_bytes() == before
    assert "10 of 20 pictures converted from PNG to JPEG" in printed
    assert "6 of 20 pictures turned upright" in printed
    workspace = tmp_path / "export"
    images = workspace / "data/.frames/images"
    assert {path.name for path in (workspace / "data/test/images").iterdir()} == {
        f"valid_2024__프레임_{number}.jpg" for number in range(6)
    }
    for path in images.iterdir():
        with Image.open(path) as shown:
            light = np.asarray(shown.convert("L"), dtype=float)
        assert light[: len(light) // 2].mean() > light[len(light) // 2 :].mean() + 50, path.name
    metrics = json.loads((workspace / "experiment/metrics.json").read_text())
    assert {*metrics["AP"]} == {*metrics["boxes"]} == {*CLASSES}
    assert sum(metrics["boxes"].values()) == 18
    assert {*(workspace / "experiment/export/labels.txt").read_text().splitlines()} == {*CLASSES}
    report = json.loads((workspace / "experiment/verify.json").read_text())
    assert report["sizes"] == {"128x96": 18, "160x120": 2}
