from dataclasses import replace
from pathlib import Path

import pytest

from harness.engine.spec_text import canonical, class_mapping, fill, network_size
from harness.errors import ConfigError
from harness.settings.declared import SPECS
from harness.settings.recipe import Recipe, load_recipe


def smoke_with(folder: Path, line: str) -> Path:
    """The recipe `smoke` with a line more, as a file in a folder."""
    path = folder / "mine.toml"
    path.write_text(f"{line}\n" + (SPECS / "recipes" / "smoke.toml").read_text())
    return path


def test_a_recipe_is_found_by_name():
    recipe = load_recipe("smoke")

    assert isinstance(recipe, Recipe)
    assert (recipe.name, recipe.epochs, recipe.dataset) == ("smoke", 2, "smoke")


def test_a_recipe_is_found_by_path(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text((SPECS / "recipes" / "smoke.toml").read_text().replace("epochs = 2", "epochs = 7"))

    assert (load_recipe(str(path)).name, load_recipe(str(path)).epochs) == ("mine", 7)


def test_a_recipe_that_is_not_there_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError) as caught:
        load_recipe("smok")

    assert "take smoke" in caught.value.remedy


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("mixed_precision = true", 'in its place write numbers = "auto"'),
        ("mixed_precision = false", 'in its place write numbers = "fp32"'),
        ('mixed_precision = "yes"', 'in its place write numbers = "auto"'),
    ],
)
def test_the_key_of_earlier_versions_is_refused_with_the_line_to_write(tmp_path, line, instead):
    path = smoke_with(tmp_path, line)

    with pytest.raises(ConfigError, match="mixed_precision is a key of earlier versions") as caught:
        load_recipe(str(path))

    assert caught.value.remedy == instead


def test_a_number_format_that_there_is_not_is_refused_with_the_nearest_one(tmp_path):
    path = smoke_with(tmp_path, 'numbers = "bf61"')

    with pytest.raises(ConfigError, match="numbers is 'bf61', expected one of auto, fp32, bf16") as caught:
        load_recipe(str(path))

    assert caught.value.remedy == "write bf16"


def test_the_recipes_for_a_cpu_measure_and_that_of_nvidias_run_does_not():
    numbers = {name: load_recipe(name).numbers for name in ("sample", "photographs", "jamcam", "smoke")}

    assert numbers == {"sample": "auto", "photographs": "auto", "jamcam": "fp32", "smoke": "fp32"}


def test_jamcam_plus_is_jamcam_with_anchors_by_stride_and_an_extension():
    plain, plus = load_recipe("jamcam"), load_recipe("jamcam-plus")
    told = {"name": plus.name, "title": plus.title, "spec": plus.spec}
    assert plus == replace(plain, **told, anchors="by-stride")

    specs = [canonical((SPECS / recipe.spec).read_text()) for recipe in (plain, plus)]

    before, _, rest = specs[1].partition("extension\n{\n")
    extension, _, after = rest.partition("dataset_config\n")
    assert "mosaic_crop" in extension
    assert specs[0] == f"{before}dataset_config\n{after}"


@pytest.mark.parametrize("name", ["../weights.txt", "a/b.txt", "metrics.json", ".txt", "a b.txt", ""])
def test_a_spec_that_is_no_plain_file_name_is_refused(tmp_path, name):
    path = tmp_path / "mine.toml"
    text = (SPECS / "recipes" / "smoke.toml").read_text()
    path.write_text(text.replace("yolo_v4_train_resnet10_smoke.txt", name))

    with pytest.raises(ConfigError, match="expected a plain file name that ends with"):
        load_recipe(str(path))


@pytest.mark.parametrize(
    ("name", "size"), [("smoke", (128, 96)), ("sample", (256, 224)), ("jamcam", (352, 288))]
)
def test_every_recipe_names_a_template_of_its_size_for_all_six_classes(name, size):
    template = load_recipe(name).spec
    text = (Path(SPECS) / template).read_text()

    assert network_size(text, where=template) == size
    assert sorted(class_mapping(text)) == ["bicycle", "bus", "car", "motorbike", "person", "truck"]


@pytest.mark.parametrize("path", sorted(SPECS.glob("yolo_v4_*.txt")), ids=lambda path: path.name)
def test_every_template_has_just_the_blanks_that_are_filled_in(path):
    values = {"workspace": "."}
    if "_train_" in path.name:
        names = (
            "epochs batch checkpoint_interval seed anchors_small anchors_mid anchors_big "
            "validation starting_point"
        )
        values |= dict.fromkeys(names.split(), "1")

    assert "$" not in fill(path.read_text(), values, where=path.name)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('anchors = "stride"', "anchors is 'stride', expected thirds or by-stride"),
        ('checkpoint = "first"', "checkpoint is 'first', expected last or best"),
    ],
)
def test_a_word_that_a_key_does_not_know_is_refused_with_those_it_does(tmp_path, line, told):
    path = smoke_with(tmp_path, line)

    with pytest.raises(ConfigError, match=told):
        load_recipe(str(path))
