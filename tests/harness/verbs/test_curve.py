import builtins
import shutil

import pytest

from harness.verbs.curve import draw_curve
from harness.workspace.layout import Workspace

LOG = "epoch,loss,lr,mAP,validation_loss\r\n1,9.5,0.1,nan,nan\r\n2,8.5,0.1,0.25,7.5\r\n"


@pytest.fixture
def room(tmp_path):
    """A workspace with the log of two epochs and a checkpoint of the second."""
    weights = tmp_path / "experiment" / "weights"
    weights.mkdir(parents=True)
    (weights / "yolov4_resnet10_epoch_002.pt").touch()
    (tmp_path / "experiment" / "yolov4_training_log_resnet10.csv").write_text(LOG)
    return Workspace(tmp_path)


def pictures(room):
    return {path.name: path.read_bytes() for path in room.experiment.glob("learning_curve.*")}


def test_the_curve_lies_beside_the_training_log_as_png_and_svg(room):
    draw_curve(room)
    first = pictures(room)

    assert first["learning_curve.png"].startswith(b"\x89PNG")
    assert first["learning_curve.svg"].startswith(b"<?xml")
    draw_curve(room)
    assert pictures(room) == first
    shutil.rmtree(room.experiment / "weights")  # the mark at the best checkpoint goes with it
    draw_curve(room)
    assert pictures(room)["learning_curve.svg"] != first["learning_curve.svg"]


@pytest.mark.parametrize("text", ["", "epoch,loss\r\n"])
def test_a_log_without_an_epoch_is_told(room, capsys, text):
    (room.experiment / "yolov4_training_log_resnet10.csv").write_text(text)

    draw_curve(room)

    assert pictures(room) == {}
    assert capsys.readouterr().out == "no learning curve: the training log has no epoch that can be read\n"


def test_a_picture_that_cannot_be_written_is_told_and_fails_nothing(room, capsys):
    (room.experiment / "learning_curve.png").mkdir()
    (room.experiment / "learning_curve.png" / "kept").touch()

    draw_curve(room)

    assert capsys.readouterr().out.startswith("no learning curve: Is a directory: ")


def test_where_matplotlib_is_not_installed_a_line_says_so(room, capsys, monkeypatch):
    really_import = builtins.__import__

    def refuse(name, *arguments, **more):
        if name == "harness.report.learning_curve":
            raise ImportError("No module named 'matplotlib'")
        return really_import(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)

    draw_curve(room)

    assert pictures(room) == {}
    assert capsys.readouterr().out.startswith("no learning curve: No module named 'matplotlib'; make report")
