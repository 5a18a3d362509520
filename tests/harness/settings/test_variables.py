import pytest

from harness.errors import ConfigError
from harness.settings.load import load_settings
from harness.settings.variables import VARIABLES, Layer, choose

KNOWN = {variable.name: variable for variable in VARIABLES}


def layers(**texts):
    return tuple(Layer(origin=origin, values={"epochs": text}) for origin, text in texts.items())


def test_the_first_layer_that_has_a_value_wins_and_is_named():
    assert choose(KNOWN["epochs"], layers(first="3", second="5")) == (3, "first")


def test_a_layer_without_the_variable_is_passed_over():
    assert choose(KNOWN["epochs"], (Layer(origin="empty", values={}), *layers(second="5"))) == (5, "second")


@pytest.mark.parametrize("text", ["0", "100", "-5", "x", "", "nan"])
def test_a_validation_split_that_leaves_a_side_empty_is_refused(text):
    layer = Layer(origin="command line", values={"val_split": text})

    with pytest.raises(ConfigError) as caught:
        choose(KNOWN["val_split"], (layer,))

    assert caught.value.message == f"val_split is '{text}' (command line), expected a number above 0 and below 100"
    assert caught.value.remedy == "give --val-split a number above 0 and below 100"


def test_a_validation_split_may_be_a_fraction_of_a_percent():
    assert choose(KNOWN["val_split"], (Layer(origin="x", values={"val_split": "0.5"}),)) == (0.5, "x")


@pytest.mark.parametrize(
    ("name", "text"),
    [("epochs", "0"), ("epochs", "2.5"), ("batch", "-1"), ("seed", "-1"), ("engine", "tensorflow"), ("deep", "maybe")],
)
def test_what_a_variable_does_not_take_is_refused(name, text):
    with pytest.raises(ConfigError, match=f"{name} is '{text}'"):
        choose(KNOWN[name], (Layer(origin="environment", values={name: text}),))


def test_a_command_can_be_typed_again(settings):
    given = settings(epochs="3")
    assert given.command("train").startswith("jamcam train --recipe=smoke --dataset=")
    assert given.command("train").endswith(" --epochs=3")


def test_whoever_came_through_make_is_told_the_command_of_make():
    options = {"recipe": "smoke", "val_split": "20", "workspace": "/some where"}
    given = load_settings(options, {"JAMCAM_VIA": "make"})
    assert given.command("train") == "make train RECIPE=smoke VAL_SPLIT=20 'WORKSPACE=/some where'"
