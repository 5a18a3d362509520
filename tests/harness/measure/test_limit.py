"""Shares computed by hand: 2 GFLOP a picture, and 500 GFLOP/s of matrix products."""

from dataclasses import replace

import pytest

from harness.measure.comparability import judge
from harness.measure.limit import largest_share_pct, shares_pct, with_share
from tests.harness.made import FACTS, machine, record, run

CPU = {**FACTS, "flops_per_image": 2 * 10**9, "matmul_flops_per_s": 5e11, "device": "cpu"}


@pytest.mark.parametrize(
    ("case", "quantity"),
    [
        ("train", "train_images_per_s"),
        ("scaling", "train_images_per_s"),
        ("chain", "epoch_images_per_s"),
        ("evaluate", "images_per_s"),
        ("inference", "images_per_s"),
    ],
)
def test_the_share_is_operations_a_second_over_those_of_matrix_products(case, quantity):
    one = run(1, {quantity: [100.0, 50.0]})

    assert shares_pct(record(case, facts=CPU), one) == [40.0, 20.0]
    assert with_share(record(case, facts=CPU), one).measurements[-1].values == (40.0, 20.0)


def test_several_gpus_have_several_times_the_rate_and_several_cores_do_not():
    one = run(1, {"train_images_per_s": [400.0]})
    gpus = {"machine": machine(gpus=4), "conditions": {"gpus": 2, "nodes": 2}}

    assert shares_pct(record(facts={**CPU, "device": "cuda"}, **gpus), one) == [40.0]
    assert shares_pct(record(facts=CPU), run(1, {"train_images_per_s": [200.0]})) == [80.0]
    alone = run(1, {"images_per_s": [100.0]})  # evaluation and inference use one, however many there are
    assert shares_pct(record("evaluate", facts={**CPU, "device": "cuda"}, **gpus), alone) == [40.0]


@pytest.mark.parametrize("unknown", ["flops_per_image", "matmul_flops_per_s"])
def test_what_the_engine_does_not_tell_leaves_no_share(unknown):
    one = run(1, {"train_images_per_s": [100.0]})
    for facts in ({**CPU, unknown: None}, {name: CPU[name] for name in CPU if name != unknown}):
        assert shares_pct(record(facts=facts), one) == []
        assert with_share(record(facts=facts), one) == one
    assert largest_share_pct(record("export", facts=CPU, runs=[one])) is None


def test_more_than_the_machine_can_is_an_error_and_no_figure():
    one = run(1, {"train_images_per_s": [300.0]})  # 600 GFLOP/s where 500 are the most
    made = replace(record(facts=CPU), runs=(with_share(record(facts=CPU), one),))

    assert [each.name for each in made.runs[0].measurements] == ["train_images_per_s"]
    assert judge(made) == ("it computed at 120 % of the machine's rate of matrix products, which cannot be",)
    assert judge(replace(made, runs=(run(1, {"train_images_per_s": [250.0]}),))) == ()
