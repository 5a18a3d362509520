import io
import sys

import pytest

from yolo_v4.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("lasted_s", "rate"), [(0.5, "2.00 images/s"), (4.0, "0.25 images/s")])
def test_a_bar_tells_images_a_second_however_slow(monkeypatch, lasted_s, rate):
    monkeypatch.setattr(sys, "stderr", Terminal())
    now_s = 1_000.0
    monkeypatch.setattr("tqdm.std.time", lambda: now_s)

    with Progress(8, "Evaluating") as progress:
        now_s += lasted_s
        progress.advance(1)

    assert f"1/8 [00:0{int(lasted_s)}<" in sys.stderr.getvalue()
    assert rate in sys.stderr.getvalue()
