import dataclasses

import pytest

from harness.settings.declared import declared_names
from harness.settings.load import load_settings
from harness.settings.platform import Platform
from harness.settings.recipe import Recipe
from harness.settings.variables import ENGINES, VARIABLES, Settings, read_switch

KNOWN = {variable.name: variable for variable in VARIABLES}
SOURCES = {"recipe": Recipe, "platform": Platform}


def test_each_variable_is_a_field_of_the_settings_and_has_the_same_name_but_one():
    fields = {field.name for field in dataclasses.fields(Settings)}
    assert {variable.field for variable in VARIABLES} == fields - {
        "origins",
        "cli_options",
        "overrides",
        "via_make",
        "remarks",
        "forced",
    }
    assert {v.name: v.field for v in VARIABLES if v.name != v.field} == {"val_split": "val_split_pct"}


def test_an_option_is_written_with_dashes():
    assert KNOWN["pretrained_sha256"].option == "--pretrained-sha256"
    assert KNOWN["val_split"].option == "--val-split"


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_each_variable_has_one_default_that_can_be_read_or_a_file_that_says_it(variable):
    if variable.default_from:
        assert variable.default == ""
        assert variable.field in {field.name for field in dataclasses.fields(SOURCES[variable.default_from])}
    else:
        variable.read(variable.default)


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_a_help_fits_on_one_line_beside_its_option(variable):
    assert 0 < len(variable.help) <= 90
    assert "\n" not in variable.help


def test_helps_name_every_recipe_and_every_engine():
    assert [name for name in declared_names("recipes") if name not in KNOWN["recipe"].help] == []
    assert [
        name for name in ENGINES if name not in KNOWN["engine"].help or name not in KNOWN["engine"].expected
    ] == []


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("Yes", True), ("true", True), ("0", False), ("", False)]
)
def test_a_switch_is_written_in_several_ways(text, value):
    assert read_switch(text) is value


def test_a_command_can_be_typed_again(settings):
    given = settings(epochs="3")
    assert given.command("train").startswith("jamcam train --recipe=smoke --dataset=")
    assert given.command("train").endswith(" --epochs=3")


def test_whoever_came_through_make_is_told_the_command_of_make():
    options = {"recipe": "smoke", "val_split": "20", "workspace": "/some where"}
    given = load_settings(options, {"JAMCAM_VIA": "make"})
    assert given.command("train") == "make train RECIPE=smoke VAL_SPLIT=20 'WORKSPACE=/some where'"


def test_frames_of_a_step_are_those_of_all_gpus_of_all_machines(settings):
    assert settings(batch="4", gpus="2", nodes="3").frames_per_step == 24
