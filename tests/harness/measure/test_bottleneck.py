"""Each row of the truth table in docs/records.md, made into phases and samples and judged.

A row says what a made-up training was like; its word was found by thinking about the device, not by the code.
"""

import dataclasses
import re
from pathlib import Path

import pytest

from harness.measure.bottleneck import TRY, judge_training
from harness.measure.record import Run
from tests.harness.made import FACTS, machine, observed, phase, record

PAGE = Path(__file__).parents[3] / "docs" / "records.md"
EPOCHS_S = 600.0
ROW = re.compile(
    r"^\| (GPU|CPU) \| (\d+|–) \| (\d+|–) \| (\d+) \| (\d+) \| (\d+|–) \| ([a-z -]+) \| `(\w+)` \| .+ \|$",
    re.MULTILINE,
)
ROWS = ROW.findall(PAGE.read_text())


def number(text):
    return None if text == "–" else float(text)


def training(device, busy, wait, start_up, checkpoint, throttled):
    """(record, phases) of a chain whose training had these shares, in percent."""
    total_s = EPOCHS_S / (1 - (start_up + checkpoint) / 100)
    steps = {} if wait is None else {"wait_s": [wait / 100] * 600, "work_s": [1 - wait / 100] * 600}
    parts = [("start-up", total_s * start_up / 100, {}), ("epoch", EPOCHS_S, steps)]
    parts += [("checkpoint", total_s * checkpoint / 100, {})]
    phases = [{"phase": "stage train", "started_unix_s": 1000.0, "duration_s": total_s}]
    start_s = 1000.0
    for name, lasted_s, more in parts:
        phases.append({"phase": name, "started_unix_s": start_s, "duration_s": lasted_s, **more})
        start_s += lasted_s
    # Other stages have a launch of their own, which is no part of training.
    phases.append({"phase": "launch", "started_unix_s": start_s + 5.0, "duration_s": 10 * total_s})
    name = "tree_cpu_pct" if device == "CPU" else "gpu0_utilisation_pct"
    held = None if throttled is None else {"power cap": throttled}
    made = record(
        "chain",
        machine=machine(gpus=int(device == "GPU")),
        facts={**FACTS, "device": "cpu" if device == "CPU" else "cuda"},
        phases=(phase("epoch", EPOCHS_S, **({} if busy is None else {name: busy})),),
        observed=observed(throttled_pct=held, throttle_reasons=tuple(held or ())),
    )
    return made, phases


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]}-{row[6]}-{place}" for place, row in enumerate(ROWS)])
def test_each_row_of_the_truth_table_is_judged_as_it_says(row):
    device, *figures, word, decided_by = row
    made, phases = training(device, *map(number, figures))

    found = judge_training(made, phases)

    assert (found.word, found.decided_by) == (word, decided_by)
    assert found.remedy == TRY[word]
    decided = found.figures[decided_by]
    assert decided is None or word == "cannot tell" or f"{decided:.0f} %" in found.why


def test_the_table_has_a_row_for_every_word_and_names_what_to_try():
    assert {row[6] for row in ROWS} == {*TRY}
    section = PAGE.read_text().partition("### What limited training\n")[2].partition("\n### ")[0]
    told = dict(re.findall(r"^\| ([a-z -]+) \| ([^|`]+) \|$", section, re.MULTILINE))
    assert {word: told.get(word) for word in TRY} == TRY


def test_a_block_of_training_is_not_judged_by_its_start_and_its_only_checkpoint():
    made, phases = training("GPU", 97.0, 1.0, 60.0, 30.0, 0.0)

    assert judge_training(made, phases).word == "start-up-bound"
    assert judge_training(made, phases[1:]).word == "compute-bound"


def test_the_least_busy_of_the_used_gpus_counts_and_an_unused_one_does_not():
    made, phases = training("GPU", 97.0, 1.0, 0.0, 0.0, 0.0)
    both = {"gpu0_utilisation_pct": 97.0, "gpu1_utilisation_pct": 3.0}
    shown = {**{name: getattr(made, name) for name in ("facts", "observed")}, "machine": machine(gpus=2)}
    epochs = (phase("epoch", EPOCHS_S, **both),)

    one = record("chain", phases=epochs, **shown)
    two = record("chain", phases=epochs, conditions={"gpus": 2}, **shown)

    seen = {**shown, "observed": dataclasses.replace(made.observed, used_gpus=("gpu1",))}
    second = record("chain", phases=epochs, **seen)

    assert judge_training(one, phases).word == "compute-bound"
    assert judge_training(two, phases).word == "launch-bound"
    assert judge_training(second, phases).word == "launch-bound"  # our processes were on the second one


def test_cores_that_a_job_may_not_use_are_not_idle():
    made, phases = training("CPU", 24.0, 1.0, 0.0, 0.0, None)
    limited = machine()
    limited = type(limited)(
        **{name: getattr(limited, name) for name in limited.__slots__} | {"cpu_limit": 0.5}
    )

    assert judge_training(made, phases).word == "launch-bound"
    again = record("chain", machine=limited, facts=made.facts, phases=made.phases, observed=made.observed)
    assert judge_training(again, phases).figures["busy_pct"] == 96.0
    assert judge_training(again, phases).word == "compute-bound"


def test_what_others_took_is_neither_idle_nor_ours():
    made, phases = training("CPU", 8.0, 0.1, 0.0, 0.0, None)
    taken = (phase("epoch", EPOCHS_S, tree_cpu_pct=8.0, host_cpu_pct=100.0),)
    shown = {"facts": made.facts, "observed": made.observed}
    found = judge_training(record("chain", phases=taken, **shown), phases)

    assert judge_training(made, phases).word == "launch-bound"  # of cores that were idle
    assert (found.word, found.decided_by) == ("cannot tell", "others_pct")
    assert found.why == "others used the device for 92 % of the epochs' time"


def test_a_gpu_that_others_are_on_tells_nothing_of_this_training_unless_it_is_ours_alone():
    made, phases = training("GPU", 97.0, 1.0, 0.0, 0.0, 0.0)
    shown = {"machine": made.machine, "phases": made.phases, "observed": observed(other_gpu_processes=1)}
    own = {**made.facts, "gpus_exclusive": True}

    assert judge_training(record("chain", facts=made.facts, **shown), phases).word == "cannot tell"
    assert judge_training(record("chain", facts=own, **shown), phases).word == "compute-bound"


def test_of_a_training_that_told_nothing_nothing_is_judged():
    assert judge_training(record("train", runs=[Run(**EMPTY)]), []).word == "cannot tell"


EMPTY = {"number": 1, "started_unix_s": 0.0, "duration_s": 1.0, "probed": True, "images": 0}
