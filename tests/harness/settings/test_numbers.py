import pytest

from harness.settings.numbers import asking_for, numbers_of, read_numbers


@pytest.mark.parametrize("text", ["auto", "fp32", "bf16", "fp16"])
def test_the_formats_of_the_engines_flag_may_be_asked_for(text):
    assert read_numbers(text) == text


@pytest.mark.parametrize("text", ["", "tf32", "BF16", "true"])
def test_no_other_word_is_a_format(text):
    with pytest.raises(ValueError, match=f"^{text}$"):
        read_numbers(text)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"numbers": "bf16"}, "bf16"),
        ({"mixed_precision": True}, "auto"),
        ({"mixed_precision": False}, "fp32"),
        ({"mixed_precision": True, "numbers": "fp32"}, "fp32"),
        ({"mixed_precision": "yes"}, None),
        ({"mixed_precision": 1}, None),
        ({"numbers": "half"}, None),
        ({}, None),
    ],
)
def test_what_an_earlier_version_asked_for_is_told_in_todays_words(table, told):
    assert numbers_of(table) == told


@pytest.mark.parametrize(
    ("computed", "asked"),
    [("bf16", "bf16"), ("fp16", "fp16"), ("fp32", "fp32"), ("tf32", "fp32"), ("int8", None), (None, None)],
)
def test_a_format_is_asked_for_again_by_its_name_and_never_measured_anew(computed, asked):
    assert asking_for(computed) == asked
