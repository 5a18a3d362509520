import pytest

from harness.engine.new_spec import input_size, spec_for
from harness.engine.spec_check import check_text
from harness.engine.spec_fields import EXPERIMENT
from harness.engine.spec_text import class_mapping, fill, network_size
from harness.errors import ConfigError
from harness.settings.declared import SPECS


@pytest.mark.parametrize(
    ("picture", "size"),
    [
        ((352, 288), (352, 288)),
        ((352, 240), (352, 256)),  # 240 / 32 = 7.5, rounded to the even 8
        ((1920, 1080), (640, 352)),  # 1080 * 640 / 1920 = 360, and 360 / 32 = 11.25
        ((1080, 1920), (352, 640)),
        ((40, 30), (32, 32)),
        ((10_000, 20), (640, 32)),
    ],
)
def test_the_input_has_whole_strides_and_640_pixels_at_most(picture, size):
    assert input_size(*picture) == size


@pytest.mark.parametrize("name", sorted(path.name for path in SPECS.glob("yolo_v4_train_*.txt")))
def test_every_template_serves_for_other_classes_and_sizes(name):
    template = (SPECS / name).read_text()

    text = spec_for(template, classes=["tram", "traffic_light"], size=(640, 352), where=name)

    assert class_mapping(text) == {"tram": "tram", "traffic_light": "traffic_light"}
    assert network_size(text, where=name) == (640, 352)
    blanks = {
        **dict.fromkeys(("epochs", "batch", "checkpoint_interval", "seed"), "1"),
        **{f"anchors_{scale}": "[(1, 1)]" for scale in ("small", "mid", "big")},
        **{"workspace": "/w", "validation": "val", "starting_point": ""},
    }
    check_text(fill(text, blanks, where=name), EXPERIMENT, where=name)
    before, after = (
        [line for line in each.splitlines() if "class_mapping" not in line] for each in (template, text)
    )
    assert {*after} - {*before} <= {
        "  output_width: 640",
        "  output_height: 352",
        *(f'    {part}: "{name}"' for part in ("key", "value") for name in ("tram", "traffic_light")),
    }


def test_a_template_without_classes_is_refused():
    with pytest.raises(ConfigError, match="mine: no target_class_mapping"):
        spec_for("random_seed: 1", classes=["car"], size=(32, 32), where="mine")
