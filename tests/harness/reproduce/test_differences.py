"""Which facts differ, what is promised therefore, and what is named as a cause."""

import pytest

from harness.reproduce.differences import causes, differences, promised
from harness.reproduce.levels import Level, overall
from harness.reproduce.source import CODE, ENGINE, NUMERICS, SETTINGS, Run
from harness.verdict import Verdict

FACTS = {
    **dict.fromkeys((*SETTINGS, *ENGINE, *NUMERICS, *CODE), "as ever"),
    "processor": "AVX512",
    "threads": 2,
    "number_format": "bf16",
    "sources_changed": False,
}
PACKAGES = {"pillow": "12.3.0", "numpy": "2.2.6", "luigi": "3.8.1"}


def run(packages=None, **facts):
    return Run(kind="workspace", name="w", facts={**FACTS, **facts}, packages=packages or PACKAGES)


def test_of_equal_facts_the_same_bytes_are_promised():
    found = differences(run(), run())
    assert found == []
    assert promised(found, "AVX512")[0] is Level.BYTES


def test_of_a_training_on_a_gpu_no_bytes_are_promised():
    level, why = promised([], "NVIDIA H100 80GB HBM3, 9.0")
    assert level is Level.QUALITY
    assert "on a GPU may differ" in why


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("processor", "AVX2"), ("threads", 4), ("number_format", "fp32"), ("torch", "2.12")),
        *(("image_sha256", "ab"), ("runtime", "onnxruntime, then PyTorch")),
    ],
)
def test_in_another_numerics_class_the_same_quality_is_expected(name, value):
    found = differences(run(), run(**{name: value}))
    assert [one.fact for one in found] == [name]
    level, why = promised(found, "AVX512")
    assert level is Level.QUALITY
    assert f"{name}: " in why
    assert str(value) in why


def test_packages_that_write_products_count_and_others_do_not():
    found = differences(run(), run(packages={**PACKAGES, "pillow": "12.2.0", "luigi": "3.9"}))
    assert [str(one) for one in found] == ["pillow: 12.3.0 there, 12.2.0 here"]
    assert promised(found, "AVX512")[0] is Level.QUALITY


def test_another_seed_is_other_work():
    level, why = promised(differences(run(seed=42), run(seed=43)), "AVX512")
    assert (level, why) == (Level.DIFFERENT, "not the same work: seed: 42 there, 43 here")


def test_another_commit_is_told_and_the_bytes_are_still_promised():
    level, why = promised(differences(run(commit="a" * 40), run(commit="b" * 40)), "AVX512")
    assert level is Level.BYTES
    assert "commit: aaaaaaaaaaaa there, bbbbbbbbbbbb here" in why


def test_what_was_not_recorded_is_never_equal():
    found = differences(run(threads=None), run(threads=None))
    assert [(one.fact, one.verdict) for one in found] == [("threads", Verdict.CANNOT_TELL)]
    assert promised(found, "AVX512") == (Level.UNKNOWN, "not recorded on one side: threads")


def test_where_no_stage_chose_what_computes_there_is_no_runtime_and_nothing_unknown():
    assert differences(run(runtime=None), run(runtime=None)) == []
    (found,) = differences(run(runtime=None), run())
    assert (found.fact, found.verdict) == ("runtime", Verdict.CANNOT_TELL)


def test_another_runtime_is_a_cause_in_the_stages_that_choose_it_alone():
    found = differences(run(runtime="PyTorch"), run(runtime="onnxruntime, then PyTorch"))

    words = "runtime: PyTorch there, onnxruntime, then PyTorch here"
    assert [causes(stage, found, [])[0] for stage in ("eval", "vis")] == [words, words]
    assert "no recorded fact differs" in causes("train", found, [])[0]


def test_a_cause_is_what_lies_upstream_else_facts_that_concern_the_stage():
    found = differences(run(), run(threads=4, packages={**PACKAGES, "pillow": "12.2.0"}))
    assert causes("vis", found, ["experiment/weights"]) == (
        "what it was made from differs: experiment/weights",
    )
    assert causes("train", found, [])[0] == "threads: 2 there, 4 here"
    # No network computes there: threads change nothing.
    assert causes("verify", found, []) == ("pillow: 12.3.0 there, 12.2.0 here",)
    assert "no recorded fact differs" in causes("train", [], [])[0]


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([Level.BYTES, Level.BYTES], Level.BYTES),
        ([Level.BYTES, Level.QUALITY, Level.CONTENT], Level.QUALITY),
        ([Level.BYTES, Level.UNKNOWN, Level.QUALITY], Level.UNKNOWN),
        ([Level.UNKNOWN, Level.DIFFERENT, Level.BYTES], Level.DIFFERENT),
        ([], Level.UNKNOWN),
    ],
)
def test_the_whole_is_as_good_as_its_weakest_part_and_unknown_passes_for_nothing(levels, expected):
    assert overall(levels) is expected
    verdicts = {Level.DIFFERENT: Verdict.NO, Level.UNKNOWN: Verdict.CANNOT_TELL}
    assert expected.verdict is verdicts.get(expected, Verdict.YES)
