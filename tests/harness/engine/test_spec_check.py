"""Specs are checked before anything runs; messages name the file that a person edits, line and near word."""

import pytest

from harness.engine.checks import check, findings
from harness.engine.spec_check import check_text
from harness.engine.spec_fields import CONVERSION, EXPERIMENT
from harness.errors import ConfigError
from harness.settings.declared import SPECS, declared_names

SPEC = """
random_seed: 42
training_config {
  num_epochs: 3; learning_rate { soft_start_annealing_schedule < soft_start: .1f > }
  regularizer { type: L1 }
}
yolov4_config { arch: "res" 'net' freeze_blocks: [0, 1] freeze_bn: false }
augmentation_config {
  hue: 1e-1
  output_width: 64
}
dataset_config: {
  target_class_mapping { key: "a # b" value: "c" }
}
"""


def test_protobuf_text_of_any_style_passes():
    check_text(SPEC, EXPERIMENT, where="t")


@pytest.mark.parametrize(
    ("old", "new", "message", "remedy"),
    [
        (
            "hue: 1e-1",
            "hueX: 0.1",
            "line 9: there is no field hueX in augmentation_config",
            "did you mean hue?",
        ),
        (
            "random_seed: 42",
            "num_epochs: 5",
            "line 2: there is no field num_epochs outside of the blocks",
            "move it into training_config { ... }",
        ),
        (
            "}\nyolov4_config",
            "\nyolov4_config",
            "line 3: training_config is not closed before yolov4_config",
            "add } where its block ends",
        ),
        (
            '"c" }\n}',
            '"c" }\n',
            "line 12: dataset_config is not closed before the end",
            "add } where its block ends",
        ),
        ("64\n}", "64\n}}", "line 11: } closes nothing", "remove it"),
        (
            "num_epochs: 3",
            'num_epochs: "3"',
            'line 4: num_epochs is "3", expected a whole number, 0 or more',
            "correct the value",
        ),
        (
            "output_width: 64",
            "output_width: 64.5",
            "line 10: output_width is 64.5, expected a whole number",
            "correct",
        ),
        ("hue: 1e-1", "hue: o.1", "line 9: hue is o.1, expected a number", "correct the value"),
        ("false", "no", "line 7: freeze_bn is no, expected true or false", "correct the value"),
        ('"res"', "res", "line 7: arch is res, expected text in quotes", "correct the value"),
        ('"c"', '"c', "line 13: the text of value has no closing quote", "close it on its line"),
        ("L1", "l1", "line 5: type is l1, expected one of NO_REG, L1, L2", "did you mean L1?"),
        ("regularizer {", "regularizer: 3 {", "line 5: regularizer is a block", "write regularizer { ... }"),
        ("hue: 1e-1", "hue 0.1", "line 9: hue has no value", "write hue: and a value"),
        ("[0, 1]", "[0, x]", "line 7: freeze_blocks is x, expected a number", "correct the value"),
    ],
)
def test_what_is_wrong_is_said_with_line_and_near_word(old, new, message, remedy):
    assert SPEC.count(old) == 1

    with pytest.raises(ConfigError) as caught:
        check_text(SPEC.replace(old, new), EXPERIMENT, where="mine.txt")

    assert caught.value.message.startswith(f"mine.txt {message}")
    assert caught.value.remedy.startswith(remedy)


def test_text_that_breaks_off_is_refused():
    with pytest.raises(ConfigError, match="t line 1: random_seed is empty, expected a whole number"):
        check_text("random_seed:", EXPERIMENT, where="t")
    with pytest.raises(ConfigError, match="t line 1: there is no field kitti outside"):
        check_text("kitti {", CONVERSION, where="t")


@pytest.mark.parametrize("recipe", declared_names("recipes"))
def test_the_specs_of_every_shipped_recipe_pass(settings, recipe):
    found = list(findings(settings(recipe=recipe, engine="portable"), asks_engine=True))

    assert [each.problem for each in found if each.what == "specs"] == [""]


@pytest.fixture
def edited(settings):
    """Settings whose workspace has a copy of a spec with something replaced."""

    def edited(old, new, name="yolo_v4_train_resnet10_smoke.txt"):
        made = settings()
        text = (SPECS / name).read_text()
        assert text.count(old) == 1
        path = made.workspace / "specs" / name
        path.parent.mkdir(parents=True)
        path.write_text(text.replace(old, new))
        return made, path

    return edited


def test_an_edited_copy_is_named_by_its_path_before_anything_runs(edited):
    made, path = edited("  hue: 0.1", "  hueX: 0.1")
    line = path.read_text().splitlines().index("  hueX: 0.1") + 1

    with pytest.raises(ConfigError) as caught:
        check(made)

    assert caught.value.message == f"{path} line {line}: there is no field hueX in augmentation_config"


def test_a_conversion_spec_is_checked_too(edited):
    made, path = edited("val_split: 0", "val_split: none", "yolo_v4_tfrecords_jamcam_val.txt")

    with pytest.raises(ConfigError) as caught:
        check(made)

    assert caught.value.message.startswith(f"{path} line ")
    assert caught.value.message.endswith("val_split is none, expected a number")


def test_a_blank_that_nothing_fills_is_found_before_anything_runs(edited):
    made, path = edited("num_epochs: $epochs", "num_epochs: $epoch")

    with pytest.raises(ConfigError, match=r"nothing fills \$epoch") as caught:
        check(made)

    assert str(path) in caught.value.message


def test_our_engine_is_asked_about_ranges_of_values_where_it_is_installed(edited, settings):
    made, path = edited("output_width: 128", "output_width: 100")
    line = path.read_text().splitlines().index("  output_width: 100") + 1
    check(made, asks_engine=True)  # the engine of these settings is another: there is nobody to ask
    portable = settings(engine="portable")
    check(portable)

    with pytest.raises(ConfigError) as caught:
        check(portable, asks_engine=True)

    assert caught.value.message == f"{path}:{line}: width must be multiple of 32"
    assert caught.value.remedy
