from dataclasses import replace

import pytest

from harness.measure.comparability import differences, doubts, judge, reasons
from harness.measure.fact_table import ABSENT, Role
from harness.measure.record import Series
from harness.verdict import Verdict
from tests.harness.made import FACTS, machine, observed, record, watched

RATES = [10.0]
WITH_GPU = {"machine": machine(gpus=1), "facts": {**FACTS, "gpus": 1}}


def steal(mean):
    return Series(
        metric="steal_pct",
        samples=9,
        missing=0,
        mean=mean,
        median=mean,
        p95=mean,
        low=0.0,
        high=mean,
        change=None,
    )


def throttled(share_pct):
    return observed(throttle_reasons=("power cap",), throttled_pct={"power cap": share_pct})


def test_what_ran_undisturbed_is_clean():
    assert judge(record()) == ()
    assert doubts(record(rates=RATES)) == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"observed": observed(other_gpu_processes=2)}, "2 other processes on the GPU"),
        ({"observed": observed(other_cpu_pct=34.6)}, "other processes took 35 % of the CPU"),
        ({"series": (steal(6.2),)}, "other virtual machines took 6 % of the CPU"),
        ({"observed": observed(throttle_reasons=("power cap",))}, "the GPU was slowed down: power cap"),
        ({"observed": throttled(12.3)}, "the GPU was slowed down: power cap for 12 % of the time"),
        ({"observed": observed(start_temperature_c=71.0)}, "the GPU was at 71 °C before it began"),
        ({"observed": observed(xid_events=1)}, "the GPU reported errors"),
        ({"observed": observed(clock_jump_s=3.0)}, "the clock jumped by 3.0 s"),
        ({"status": "failed", "reason": "no room on the disk"}, "it failed: no room on the disk"),
        ({"status": "truncated", "reason": "it was cut short"}, "it ended early: it was cut short"),
        ({"source": "dmon_1.txt", "code": None}, "imported from dmon_1.txt: what ran is not known"),
        (
            {"code": replace(record().code, dirty=("specs/bench.toml",))},
            "code was changed and not committed: specs/bench.toml",
        ),
    ],
)
def test_what_disturbed_a_measurement_is_said_in_words(changes, reason):
    assert judge(record(**changes)) == (reason,)


def test_one_throttled_sample_of_many_is_told_and_no_fault():
    assert judge(record(observed=throttled(100 / 6001))) == ()
    assert judge(record(observed=throttled(1.0))) == ()
    assert judge(record(observed=throttled(1.1))) != ()


def test_a_virtual_machine_loses_a_little_time_to_others():
    assert judge(record(series=(steal(0.2),))) == ()


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"probe": None}, "nothing watched the machine meanwhile"),
        ({"observed": None}, "nothing watched the machine meanwhile"),
        (
            {"probe": watched(faults=("the sampler ended with status -9",))},
            "the sampler complained: the sampler ended with status -9",
        ),
        (
            {"probe": watched(faults=("gpu0_power_w is gone: GPU is lost",))},
            "the sampler complained: gpu0_power_w is gone: GPU is lost",
        ),
        ({"probe": watched(gaps_s=(40.0, 1.5))}, "nobody looked for 41.5 s"),
        ({"probe": watched(missed_beats=5)}, "the sampler missed 5 of 205 beats"),
        ({"probe": watched(samples=0)}, "the sampler missed 0 of 0 beats"),
        (
            {"observed": observed(other_cpu_pct=None)},
            "whether other processes used the CPU could not be seen",
        ),
        (WITH_GPU, "whether other processes used the GPU could not be seen"),
    ],
)
def test_what_nobody_could_see_is_a_doubt_and_no_fault(changes, doubt):
    found = record(rates=RATES, **changes)

    assert doubts(found) == (doubt,)
    assert judge(found) == ()


def test_few_missed_beats_are_no_doubt():
    assert doubts(record(rates=RATES, probe=watched(missed_beats=2))) == ()


def test_an_exclusive_allocation_answers_the_question_about_strangers():
    own = {**FACTS, "gpus": 1, "gpus_exclusive": True, "node_exclusive": True}
    unseen = observed(other_gpu_processes=None, other_cpu_pct=None)
    alone = record(rates=RATES, machine=machine(gpus=1), facts=own, observed=unseen)

    assert doubts(alone) == ()
    # In a pid namespace of its own a process does not recognise itself on the GPU.
    assert judge(replace(alone, observed=observed(other_gpu_processes=1))) == ()


def test_the_label_a_record_carries_holds_and_one_without_is_judged():
    assert reasons(record(not_comparable=("as was said then",))) == ("as was said then",)
    assert reasons(record(status="truncated", reason="killed")) == ("it ended early: killed",)


def told(one, other):
    return [(each.fact.path, each.here, each.there, each.verdict) for each in differences(one, other)]


def test_facts_that_differ_are_named_with_both_values():
    one = record(conditions={"data_sha256": "a" * 64, "seed": 1})
    other = record(conditions={"data_sha256": "b" * 64, "seed": 2, "limit": 5})

    assert told(one, one) == []
    assert told(one, other) == [
        ("conditions.data_sha256", "a" * 12, "b" * 12, Verdict.NO),
        ("conditions.seed", "1", "2", Verdict.NO),
        ("conditions.limit", "not recorded", "5", Verdict.CANNOT_TELL),
    ]
    assert differences(one, other)[1].words == "seed is 1, there 2"


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("machine.driver", {"machine": replace(machine(gpus=1), driver="560.1")}),
        ("machine.gpus.name", {"machine": machine(gpus=1, name="NVIDIA Made-up 200")}),
        ("machine.cpu_limit", {"machine": replace(machine(gpus=1), cpu_limit=4.0)}),
        ("machine.cpu_model", {"machine": machine(gpus=1, cpu="Another")}),
        ("facts.torch", {"facts": {**FACTS, "torch": "2.6.0+cu124"}}),
        ("environment.OMP_NUM_THREADS", {"environment": {"OMP_NUM_THREADS": "1"}}),
        ("environment.CUDA_LAUNCH_BLOCKING", {"environment": {"CUDA_LAUNCH_BLOCKING": "1"}}),
        ("facts.number_format", {"facts": {**FACTS, "number_format": "bf16"}}),
        ("facts.torch_threads", {"facts": {**FACTS, "torch_threads": 1}}),
        ("facts.cpu_governor", {"facts": {**FACTS, "cpu_governor": "powersave"}}),
        ("facts.data_file_system", {"facts": {**FACTS, "data_file_system": "lustre"}}),
        ("facts.container", {"facts": {**FACTS, "container": "apptainer"}}),
    ],
)
def test_what_decides_speed_must_be_equal_for_a_gate(path, changes):
    plain = record(machine=machine(gpus=1))
    (found,) = differences(plain, replace(plain, **changes))

    assert (found.fact.path, found.fact.gate, found.verdict) == (path, Role.CONDITION, Verdict.NO)


def test_which_number_format_was_asked_for_counts_only_where_the_one_that_was_used_is_not_told():
    asked = [record(rates=[1.0], conditions={"mixed_precision": mixed}) for mixed in (True, False)]

    assert differences(*asked) == []
    found = differences(*(replace(one, facts={**one.facts, "number_format": None}) for one in asked))
    assert "conditions.mixed_precision" in [one.fact.path for one in found]


def test_records_of_two_runtimes_must_not_be_compared_and_older_ones_are_of_pytorch():
    older = record("evaluate", facts={name: value for name, value in FACTS.items() if name != "runtime"})
    newer = record("evaluate")
    faster = record("evaluate", facts={**FACTS, "runtime": "onnxruntime"})

    assert differences(older, newer) == []
    for plain in (older, newer):
        (found,) = differences(faster, plain)
        assert (found.fact.compare, found.fact.gate) == (Role.CONDITION, Role.CONDITION)
        assert (found.verdict, found.words) == (Verdict.NO, "runtime is onnxruntime, there PyTorch")
    # Of an engine that tells nothing nobody knows, and training has no choice.
    silent = {**FACTS, "torch": None, "runtime": None}
    told = {one.fact.path: one.verdict for one in differences(newer, record("evaluate", facts=silent))}
    assert told["facts.runtime"] is Verdict.CANNOT_TELL
    assert differences(record(), record(facts={**FACTS, "runtime": "onnxruntime"})) == []


def test_power_limit_and_mig_of_a_gpu_must_be_equal_for_a_gate():
    one = machine(gpus=1)
    (gpu,) = one.gpus
    for path, other in (
        ("machine.gpus.power_limit_w", replace(gpu, power_limit_w=250.0)),
        ("machine.gpus.mig", replace(gpu, mig=True)),
    ):
        (found,) = differences(record(machine=one), record(machine=replace(one, gpus=(other,))))
        assert (found.fact.path, found.fact.gate) == (path, Role.CONDITION)


def test_a_fact_that_does_not_exist_is_equal_to_itself_and_one_that_cannot_be_read_to_nothing():
    unread = record(facts={**FACTS, "cpu_governor": None})

    assert FACTS["cpu_governor"] == ABSENT
    assert told(record(), record()) == []
    expected = ("facts.cpu_governor", "cannot be read", "cannot be read", Verdict.CANNOT_TELL)
    assert told(unread, unread) == [expected]
    assert told(record(), unread) == [
        ("facts.cpu_governor", "does not exist here", "cannot be read", Verdict.CANNOT_TELL)
    ]


def test_a_power_limit_that_a_mig_instance_has_not_is_not_there_and_that_of_a_gpu_is_unread():
    one = machine(gpus=1)
    gpu = replace(one.gpus[0], power_limit_w=None)
    cut = replace(gpu, mig=True)

    assert told(*[record(machine=replace(one, gpus=(cut,)))] * 2) == []
    assert [path for path, *_ in told(*[record(machine=replace(one, gpus=(gpu,)))] * 2)] == [
        "machine.gpus.power_limit_w"
    ]


def test_of_older_records_all_new_facts_are_one_line():
    old = record(facts={})

    assert told(old, record()) == [("facts", "not recorded", "recorded", Verdict.CANNOT_TELL)]
    assert told(old, old) == [("facts", "not recorded", "not recorded", Verdict.CANNOT_TELL)]


def test_the_precision_of_the_export_concerns_no_evaluation():
    for case, expected in (("evaluate", []), ("export", ["conditions.precision"])):
        one, other = (record(case, conditions={"precision": word}) for word in ("fp32", "fp16"))
        assert [path for path, *_ in told(one, other)] == expected


def test_images_that_differ_in_digest_are_the_question():
    made = [
        record(
            conditions={"image_sha256": digest},
            code=replace(record().code, image_made={"sha256": digest}, packages={"torch": "2.5.1"}),
        )
        for digest in ("a" * 64, "b" * 64)
    ]
    assert {each.fact.compare for each in differences(*made)} == {Role.QUESTION}


def test_packages_of_an_image_that_tells_none_cannot_be_read():
    code = replace(record().code, packages={"torch": "2.5.1+cpu"})  # of the harness, beside the image
    inside = record("export", conditions={"image_sha256": "a" * 64}, code=code)

    assert ("code.packages.torch", "cannot be read", "cannot be read", Verdict.CANNOT_TELL) in told(
        inside, inside
    )


def test_questions_come_first():
    one = record(conditions={"seed": 1})
    other = record(conditions={"seed": 2}, machine=machine(cpu="Another"))

    assert [each.fact.compare for each in differences(one, other)] == [Role.QUESTION, Role.CONDITION]
