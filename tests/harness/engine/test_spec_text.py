import pytest

from harness.engine.spec_text import (
    anchors_literal,
    architecture,
    canonical,
    class_mapping,
    fill,
    matching_iou,
    may_stop_early,
    network_size,
    tokens,
    with_value,
)
from harness.errors import ConfigError

SPEC = """
yolov4_config { arch: "resnet" nlayers: 18 }  # arch: "vgg"
augmentation_config { output_width: 64 output_height: 96
  output_width: 352 }
eval_config { matching_iou_threshold: 0.5 }
dataset_config {
  target_class_mapping { key: "Car" value: "vehicle" }
  target_class_mapping: {
    value: 'person'
    key: 'person'
  }
}
"""


def test_every_blank_is_filled():
    assert (
        fill("n: $epochs\np: ${place}x\n", {"epochs": "3", "place": "here"}, where="t") == "n: 3\np: herex\n"
    )


def test_a_doubled_dollar_sign_is_one():
    assert fill("cost: $$5", {}, where="t") == "cost: $5"


def test_a_blank_without_value_is_refused_with_its_line():
    with pytest.raises(ConfigError) as caught:
        fill("a\nn: $epoch\n", {"epochs": "3"}, where="mine.txt")

    assert caught.value.message == "mine.txt line 2: nothing fills $epoch"
    assert caught.value.remedy == "use one of $epochs"


def test_a_value_without_blank_is_refused_since_the_setting_would_do_nothing():
    with pytest.raises(
        ConfigError, match=r"mine\.txt has no blank \$epochs, so that setting would do nothing"
    ):
        fill("num_epochs: 3", {"epochs": "3"}, where="mine.txt")


def test_a_lone_dollar_sign_is_refused_with_its_line():
    with pytest.raises(ConfigError, match=r"mine\.txt line 1: a \$ that begins no name"):
        fill("5 $ a day", {}, where="mine.txt")


def test_facts_are_read_as_protobuf_would_with_the_last_value_winning_and_comments_left_out():
    assert network_size(SPEC, where="t") == (352, 96)
    assert architecture(SPEC, where="t") == "resnet18"
    assert matching_iou(SPEC, where="t") == 0.5


def test_a_network_without_layers_is_called_by_its_bare_name():
    assert architecture('arch: "mobilenet_v2"', where="t") == "mobilenet_v2"


def test_a_spec_that_does_not_say_what_is_needed_is_refused():
    with pytest.raises(ConfigError, match=r"mine\.txt does not say output_width"):
        network_size("output_height: 32", where="mine.txt")


def test_the_class_mapping_is_read_in_lower_case_whatever_its_order_and_quotes():
    assert class_mapping(SPEC) == {"car": "vehicle", "person": "person"}


def test_early_stopping_is_seen_unless_commented_out():
    assert may_stop_early("training_config { early_stopping { patience: 3 } }")
    assert not may_stop_early("# early_stopping { patience: 3 }")


def test_anchors_are_written_as_tao_writes_them():
    assert anchors_literal([[1, 2.5], [3.25, 4]]) == "[(1.00, 2.50), (3.25, 4.00)]"


def test_tokens_have_lines_and_no_comments_and_blanks_are_words():
    text = 'a { # note: "x"\n  b: "s # t" c:-1e-6,\'q\'\n\n  $start ${n}x }'

    assert [(token.text, token.line) for token in tokens(text)] == [
        ("a", 1),
        ("{", 1),
        ("b", 2),
        (":", 2),
        ('"s # t"', 2),
        ("c", 2),
        (":", 2),
        ("-1e-6", 2),
        (",", 2),
        ("'q'", 2),
        ("$start", 4),
        ("${n}x", 4),
        ("}", 4),
    ]
    assert all(text[token.start :].startswith(token.text) for token in tokens(text))


def test_a_quote_that_is_not_closed_on_its_line_is_a_token_by_itself():
    assert [token.text for token in tokens('a: "b\nc: 1')] == ["a", ":", '"', "b", "c", ":", "1"]


def test_comments_and_blanks_are_no_part_of_the_canonical_text_and_values_are():
    assert canonical("a{b:1} # c") == canonical("# d\na {\n  b: 1\n}\n")
    assert canonical("a { b: 1 }") != canonical("a { b: 2 }")
    assert canonical('a: "b c"') != canonical('a: "b" c')


def test_a_hash_sign_in_a_string_begins_no_comment():
    assert class_mapping('target_class_mapping { key: "a#b" value: "c" }') == {"a#b": "c"}


def test_a_value_is_replaced_in_its_block_alone_and_the_rest_stays_as_it_is():
    text = (
        "x { batch_size: 1 }\neval_config { y { batch_size: 2 } # batch_size: 3\n  batch_size : 4; z: 5 }\n"
    )

    changed = with_value(text, "eval_config", "batch_size", "8", where="t")

    assert changed == text.replace("batch_size : 4;", "batch_size : 8;")


def test_a_value_that_is_not_there_cannot_be_replaced():
    with pytest.raises(ConfigError, match=r"mine\.txt: no batch_size in eval_config"):
        with_value("eval_config { y { batch_size: 2 } }", "eval_config", "batch_size", "8", where="mine.txt")
