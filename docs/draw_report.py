"""Draws the pictures of report.md from a page: `python -m docs.draw_report report.html docs/pictures`.

It needs Chromium on PATH (`apt install chromium`), and speaks to it as the tests of the page do.
"""

import base64
import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.harness.report.overview.chromium import Chromium

# Name of a picture -> what its first and last elements are, width in pixels, whether it is dark.
PICTURES = {
    "report": ("body", ".gantt", 1100, False),
    "report-accuracy": ("#accuracy-1", ".frames figure:nth-child(6)", 1100, False),
    "report-slower": ("#slower", "#slower ~ .scroll", 1100, False),
    "report-machine": ("#machine", "#machine ~ .axis", 1100, True),
    "report-phone": ("body", ".gantt", 390, True),
}
EDGES = """(([first, last]) => {
  const top = document.querySelector(first).getBoundingClientRect().top + scrollY;
  return [Math.max(top - 10, 0), document.querySelector(last).getBoundingClientRect().bottom + scrollY + 2];
})"""


def main(page: Path, folder: Path) -> None:
    """Write each picture as WebP."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        sys.exit("no Chromium on PATH; try: apt install chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Chromium(program, Path(profile))
        for name, (first, last, width, dark) in PICTURES.items():
            browser.load(page.resolve(), width=width, dark=dark)
            top, bottom = browser.value(f"{EDGES}({[first, last]})")
            clip = {"x": 0, "y": top, "width": width, "height": bottom - top, "scale": 1}
            drawn = browser.ask("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
            picture = Image.open(io.BytesIO(base64.b64decode(drawn["data"])))
            picture.convert("RGB").save(folder / f"{name}.webp", quality=85, method=6)
            print(f"drawn: {folder / name}.webp, {picture.width} x {picture.height}")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
