from dataclasses import replace
from xml.etree import ElementTree

import pytest

from harness.cli import main
from harness.errors import CannotTell, ConfigError, Refused
from harness.measure.compare import compare
from harness.measure.record_files import begin_record, close_record
from harness.report.judgement import compared, comparison_line, gate
from tests.harness.made import joules, machine, record, run, series

pytestmark = pytest.mark.usefixtures("signals_as_before")
OLD, NEW, LATER = "20260101T000000Z-aaaa", "20260201T000000Z-bbbb", "20260301T000000Z-cccc"
STAGES = ("download", "verify", "gen-valid", "tune-bdb", "convert-data", "train", "eval", "vis", "export")
NOISE = (0.98, 0.99, 1.0, 1.01, 1.02)


def bench(name, *, stages_s=20.0, score=0.404, rate=17.3, repeats=5, wait_s=9e-5, start_up_s=2.1, **words):
    """A bench as the local machine makes one: chain, training, evaluation and export."""
    memory = words.pop("memory_bytes", 9e8)
    energy_j = words.pop("energy_j", 500.0)
    stages = {("stage_s", stage): [stages_s] for stage in STAGES}
    energy = () if energy_j is None else (joules(energy_j, device="cpu"),)
    noise = NOISE[:repeats]
    runs = {
        "chain": [run(1, {**stages, "mAP": [score]}, energy=energy)],
        "train": [
            run(
                number,
                {
                    "train_images_per_s": [rate * part],
                    "train_wait_s": [wait_s],
                    "start_up_s": [start_up_s * part],
                },
            )
            for number, part in enumerate(noise, 1)
        ],
        "evaluate": [run(number, {"images_per_s": [29.5 * part]}) for number, part in enumerate(NOISE, 1)],
        "export": [run(number, {"command_s": [7.1 * part]}) for number, part in enumerate(NOISE, 1)],
    }
    when = f"{name[:4]}-{name[4:6]}-{name[6:8]}T{name[9:11]}:00:00Z"
    peak = (series("tree_rss_bytes", mean=memory / 2, high=memory),)
    return [
        record(case, runs=each, bench=name, started=when, **{"series": peak, **words})
        for case, each in runs.items()
    ]


def sessions(name, *, rate=17.3, **words):
    """Three sessions two hours apart, a per cent faster and slower."""
    hours = {number: name.replace("T00", f"T{2 * number:02}") for number in (1, 2, 3)}
    made = []
    for number, part in ((1, 0.99), (2, 1.0), (3, 1.01)):
        for one in bench(f"{hours[number]}", rate=rate * part, **words):
            made.append(replace(one, bench=f"{name}-{number}"))
    return made


def keep(folder, *records):
    for one in records:
        close_record(begin_record(folder, one), one)


def said_by(action, *arguments, **words):
    answer = action(*arguments, **words)
    if answer.error:
        raise answer.error
    return answer.text


def gated(results, platform="local", *, force=False, junit_file=None):
    return said_by(gate, results, platform, "sample", force=force, junit_file=junit_file, band=None)


@pytest.fixture
def results(tmp_path):
    """Two equal benches of one platform."""
    keep(tmp_path / "results", *bench(OLD), *bench(NEW))
    return tmp_path / "results"


def without(records, *cases):
    return [one for one in records if one.case not in cases]


def torch(version, records):
    codes = (replace(one.code, packages={"torch": version}) for one in records)
    return [replace(one, code=code) for one, code in zip(records, codes, strict=True)]


# What was done to the newer bench, and the right answer.
EDITS = {
    "nothing": (bench(NEW), 0),
    "the model finds nothing": (bench(NEW, score=0.0), 3),
    "all stages take ten times as long": (bench(NEW, stages_s=200.0), 3),
    "training at half speed, measured four times": (bench(NEW, rate=8.65, repeats=4), 3),
    "records are absent": (without(bench(NEW), "train", "evaluate", "export"), 5),
    "another processor and torch": (torch("2.1.0", bench(NEW, machine=machine(cpu="Another 7"))), 5),
    "ten microseconds more to wait for data": (bench(NEW, wait_s=1e-4), 0),
    "then a scaling study": ([*bench(NEW), record("scaling", [1.0] * 5, bench=LATER)], 0),
    "then a bench of another recipe": (
        [*bench(NEW), *bench(LATER, rate=1.0, conditions={"recipe": "smoke"})],
        0,
    ),
    "memory doubled": (bench(NEW, memory_bytes=1.8e9), 3),
    "the sensor of energy was lost": (bench(NEW, energy_j=None), 5),
    "twice the energy": (bench(NEW, energy_j=1000.0), 3),
    "start-up takes three times as long": (bench(NEW, start_up_s=6.3), 3),
    "one case failed": (
        [*without(bench(NEW), "export"), record("export", bench=NEW, status="failed", reason="no space")],
        5,
    ),
    "nothing newer": ([], 5),
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("force", [(), ("--force",)])
def test_an_edited_bench_gets_the_right_status_with_and_without_force(tmp_path, edit, force):
    records, status = EDITS[edit]
    old = torch("2.13.0", bench(OLD)) if "torch" in edit else bench(OLD)
    keep(tmp_path / "results", *old, *records)

    assert main(["gate", f"--results={tmp_path / 'results'}", *force]) == status


def test_three_sessions_against_three_see_a_tenth_less(tmp_path):
    keep(tmp_path, *sessions(OLD), *sessions(NEW, rate=0.9 * 17.3))

    with pytest.raises(Refused, match=r"train train_images_per_s: 0\.900"):
        gated(tmp_path)


def test_unchanged_sessions_say_what_would_have_been_seen(tmp_path):
    keep(tmp_path, *sessions(OLD), *sessions(NEW))

    said = gated(tmp_path)
    assert f"local, recipe sample: {NEW}-1, {NEW}-2, {NEW}-3 over its reference {OLD}-1" in said
    assert said.splitlines()[-1].startswith("not worse; a loss of ")
    assert "n 5+5+5 and 5+5+5" in said


def test_a_gate_says_no_and_how_to_accept_it(results):
    keep(results, *bench(LATER, rate=8.0))

    with pytest.raises(Refused, match=r"worse:\n  train train_images_per_s: 0\.46") as caught:
        gated(results)
    assert f'local = "{LATER}" in ' in caught.value.remedy

    (results / "references.toml").write_text(f'local = "{NEW}, {LATER}"\n')
    keep(results, *bench("20260401T000000Z-dddd", rate=8.0))
    with pytest.raises((Refused, CannotTell)):  # the two of the reference differ by half
        gated(results)
    (results / "references.toml").write_text(f'local = "{LATER}"\n')
    assert f"over its reference {LATER}" in gated(results)


def test_where_a_condition_changed_the_remedy_leads_to_an_answer(results):
    keep(results, *bench(LATER, machine=machine(cpu="Another 7")))
    with pytest.raises(CannotTell, match="cpu_model is Another 7, there Made") as caught:
        gated(results)

    words = "measure as the reference was measured; or, where it is to be so from now on: a line "
    line, _, rest = caught.value.remedy.removeprefix(words).partition(" in ")
    assert rest == f"{results / 'references.toml'} makes the new bench the reference"
    (results / "references.toml").write_text(line)
    keep(results, *bench("20260401T000000Z-dddd", machine=machine(cpu="Another 7")))
    assert gated(results).splitlines()[-1].startswith("not worse; ")


def test_a_reference_of_no_bench_ends_with_2(results):
    (results / "references.toml").write_text('local = "20260101T000000Z-aaab"\n')
    with pytest.raises(ConfigError, match="is called '20260101T000000Z-aaab'"):
        gated(results)


def test_a_gate_without_two_benches_cannot_tell(results):
    with pytest.raises(CannotTell, match=r"bench: there is none of this platform and recipe") as caught:
        gated(results, "jade")
    assert caught.value.remedy == "make bench PLATFORM=jade RECIPE=sample SESSIONS=3"


def test_a_record_that_cannot_be_read_never_passes_for_not_worse(results, capsys):
    keep(results, *bench(LATER, platform="jade"), *bench(LATER.replace("03", "04", 1), platform="jade"))
    verb = ["gate", "--platform=jade", f"--results={results}"]
    assert main(verb) == 0

    damaged = results / "jade" / "20260301T000000Z-train-0000" / "record.json"
    damaged.write_text("{")
    assert main(verb) == 5
    assert f"a record: {damaged} is no record: " in capsys.readouterr().err

    (results / "withdrawn.toml").write_text(f'"jade/{damaged.parent.name}" = "cut"\n')
    capsys.readouterr()
    assert main(verb) == 0


def test_force_shows_figures_that_must_not_be_compared(tmp_path, capsys):
    keep(tmp_path, *bench(OLD), *bench(NEW, conditions={"seed": 7}))
    figures = "  train train_images_per_s: 1.000 (95 %: "

    assert main(["gate", f"--results={tmp_path}"]) == 5
    assert figures not in capsys.readouterr().out
    assert main(["gate", f"--results={tmp_path}", "--force"]) == 5
    shown = capsys.readouterr()
    assert figures in shown.out
    # 11 of the chain (8 stages, mAP, memory, energy), 3 of training, 2 of evaluation, 2 of export.
    assert "chain stage_s of verify, chain stage_s of gen-valid and 16 more: seed is 7, there 42" in shown.err


def test_the_answer_is_written_for_continuous_integration(results, tmp_path):
    keep(results, *without(bench(LATER, rate=8.0), "export"))
    with pytest.raises(Refused):
        gated(results, junit_file=tmp_path / "gate.xml")

    suite = ElementTree.parse(tmp_path / "gate.xml").getroot()
    tags = {case.get("name"): case[0].tag for case in suite}
    assert tags["train train_images_per_s"] == "failure"
    assert tags["export"] == "error"
    assert tags["chain mAP"] == "system-out"


def test_two_benches_are_compared_by_their_ratio(results):
    keep(results, *without(bench(LATER, rate=34.6, platform="jade"), "chain", "evaluate", "export"))

    said = said_by(compared, results, "jade", "local", force=False).splitlines()
    assert said[:3] == [
        "jade over local",
        "the question: platform is jade, there local",
        "spread between sessions: 6 %, declared in specs/bench.toml, or more where seen; three sessions on "
        "each side, 30 minutes apart, would tell it",
    ]
    # exp(1.96 * log(1.06) * sqrt(2)) is 1.175; five runs of 1.6 % a side add little.
    assert said[3].startswith("train train_images_per_s: 2.000 (95 %: 1.70")
    assert "; 34.6 against 17.3 images/s, n 5 and 5; a change of 21 % would have been seen" in said[3]


def test_what_must_not_be_compared_ends_with_5_and_forced_so_after_the_figures(results, capsys):
    keep(results, *bench(LATER, platform="jade", conditions={"seed": 7}))
    verb = ["compare", "--a=jade", "--b=local", f"--results={results}"]

    assert main(verb) == 5
    shown = capsys.readouterr()
    assert "train: seed is 7, there 42" in shown.err
    assert "train_images_per_s" not in shown.out
    assert main([*verb, "--force"]) == 5
    assert "train train_images_per_s: 1.000" in capsys.readouterr().out


def test_benches_without_a_common_case_have_nothing_in_common(results):
    keep(results, record("micro", [1.0], bench=LATER, platform="jade"))
    with pytest.raises(CannotTell, match="they have nothing in common"):
        said_by(compared, results, "jade", "local", force=False)
    assert main(["compare", "--a=jade", "--b=local", f"--results={results}"]) == 5


def test_a_comparison_of_one_run_or_with_nothing_says_so():
    few, nothing = record("train", [20.0]), record("train", runs=[run(1, {"train_images_per_s": [0.0]})])

    assert [*map(comparison_line, compare([few], [few], declared_pct=6.0))] == [
        "train train_images_per_s: 1.000 (one run: too few to say); 20 against 20 images/s, n 1 and 1"
    ]
    assert [*map(comparison_line, compare([few], [nothing], declared_pct=6.0))] == [
        "train train_images_per_s: nothing to divide by; 20 against 0 images/s, n 1 and 1"
    ]
