from pathlib import Path

import pytest

from harness.engine.answers import Best
from harness.report.learning_curve import curve_figure, curve_plot
from harness.report.overview.learning import learning

HEADER = "epoch,AP_bus,AP_car,loss,lr,mAP,validation_loss\r\n"
LOG = HEADER + (
    "1,nan,nan,800.0,0.0005,nan,nan\r\n"
    "2,0.1,0.3,90.0,0.001,0.2,70.5\r\n"
    "3,nan,nan,20.0,0.0005,nan,nan\r\n"
    "4,nan,0.5,15.0,0.0001,0.25,nan\r\n"
)


def drawn(log=LOG, best=None):
    """{label of the axis: {name of the line: its points}} of the four panels; unnamed lines are ''."""
    figure = curve_figure(learning(log, source="log", is_finished=True), best)
    panels = {}
    for axes in figure.axes:
        lines = {line.get_label(): [*zip(*line.get_data(), strict=True)] for line in axes.lines}
        panels[axes.get_ylabel()] = {
            "" if name.startswith("_") else name: points for name, points in lines.items()
        }
    return figure, panels


def test_what_was_not_validated_is_left_out_and_what_was_is_drawn():
    _, panels = drawn()

    assert panels == {
        "loss": {
            "training loss": [(1, 800.0), (2, 90.0), (3, 20.0), (4, 15.0)],
            "validation loss": [(2, 70.5)],
        },
        "mAP": {"": [(2, 0.2), (4, 0.25)]},
        "average precision": {"bus": [(2, 0.1)], "car": [(2, 0.3), (4, 0.5)]},
        "learning rate": {"": [(1, 0.0005), (2, 0.001), (3, 0.0005), (4, 0.0001)]},
    }


def test_the_best_checkpoint_is_marked_on_its_point():
    figure, _ = drawn(best=Best(4, 0.25, Path("weights.pt")))

    axes = figure.axes[1]
    assert [*zip(*axes.lines[-1].get_data(), strict=True)] == [(4, 0.25)]
    assert [text.get_text() for text in axes.texts] == ["best: epoch 4, 0.250"]


@pytest.mark.parametrize(("last", "scale"), [("15.0", "log"), ("50.0", "linear")])
def test_losses_of_very_different_sizes_have_a_logarithmic_axis(last, scale):
    log = HEADER + f"1,nan,nan,800.0,0.1,nan,nan\r\n2,nan,nan,{last},0.1,nan,nan\r\n"

    assert drawn(log)[0].axes[0].get_yscale() == scale


@pytest.mark.parametrize(
    "log",
    [
        "epoch,loss\r\n1,5.0\r\n",  # one epoch, and columns are missing
        HEADER + "1,nan,nan,nan,nan,nan,nan\r\n",
        HEADER + "1,0.5,0.5,0.0,0.0,0.5,0.0\r\n",
        HEADER + "x,1,1,1,1,1,1\r\n0,nan,nan,-3.0,1e-5,nan,nan\r\n",
        "epoch,AP_트럭,AP_$x$,loss\r\n1,0.5,0.2,5.0\r\n2,0.6,0.1,4.0\r\n",
    ],
)
def test_any_log_with_an_epoch_can_be_drawn(log):
    pictures = curve_plot(learning(log, source="log", is_finished=False), None)

    assert pictures["png"].startswith(b"\x89PNG")
    assert pictures["svg"].rstrip().endswith(b"</svg>")


def test_a_panel_without_a_value_says_so():
    figure, panels = drawn("epoch,loss\r\n1,5.0\r\n")

    assert panels["mAP"] == {}
    assert [[text.get_text() for text in axes.texts] for axes in figure.axes] == [
        [],
        ["not known"],
        ["not known"],
        ["not known"],
    ]


def test_the_same_log_gives_the_same_bytes():
    first, second = (curve_plot(learning(LOG, source=name, is_finished=True), None) for name in "ab")

    assert first == second
