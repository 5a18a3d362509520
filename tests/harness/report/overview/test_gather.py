"""Facts gathered from folders: a run, records, several workspaces, and what is left of any of them."""

import json
from dataclasses import replace

import pytest

from harness.errors import CannotTell, ConfigError
from harness.report.overview.gather import Wanted, gather, gather_costs
from harness.verdict import Verdict
from tests.harness import made
from tests.harness.report.overview.places import CAR, lay_out, lay_out_records


@pytest.fixture
def wanted(tmp_path):
    def make(*workspaces, **more):
        places = tuple(tmp_path / name for name in workspaces)
        return Wanted(workspaces=places, results=tmp_path / "results", beside=tmp_path / "workspace", **more)

    return make


def dated(day, *rates, **more):
    started, bench = f"2026-03-0{day}T10:00:00Z", f"2026030{day}T100000Z-0000"
    return made.record(rates=rates, started=started, bench=bench, **more)


def test_a_run_is_told_whole(wanted, tmp_path):
    lay_out(tmp_path / "workspace")
    (run,) = gather(wanted("workspace")).runs
    assert [(one.stage, one.fate.value) for one in run.tries] == [
        ("verify", "failed"),
        ("verify", "done"),
        ("train", "interrupted"),
        ("train", "done"),
    ]
    assert [(one.name, one.value, one.origin) for one in run.settings] == [
        ("epochs", "2", "command line"),
        ("seed", "42", "recipe smoke"),
    ]
    assert run.learning.loss == (9.5, 7.25)
    assert run.scores.mean_average_precision == 0.5
    assert [one.name for one in run.accuracy.worst] == ["b", "a"]
    assert all(picture.address for picture in run.pictures)
    # 4 s of a failed verify, and of the interrupted training what lay behind its last checkpoint
    assert run.spent.parts_s["lost work"] == pytest.approx(4.0 + 12.0 - 9.8)
    assert run.cost.machine_h.value * 3600 == pytest.approx(4 + 4 + 12 + 10.5)
    assert run.cost.core_h.value * 3600 == pytest.approx(2 * 30.5)
    assert run.cost.gpu_h.value == 0.0
    assert (run.cost.uses, run.cost.failed) == (4, 2)


def test_a_job_whose_notes_cannot_be_read_is_a_cost_that_is_not_known_and_ends_nothing(wanted, tmp_path):
    lay_out(tmp_path / "workspace")
    job = tmp_path / "workspace" / ".jobs" / "R"
    job.mkdir(parents=True)
    (job / "intent-1.0.json").write_text("{}")
    (job / "stay-1--0.start.json").write_text("damaged")

    (run,) = gather(wanted("workspace")).runs

    assert (run.cost.uses, run.cost.machine_h.unknown, run.cost.lost_h.unknown) == (5, 1, 1)


def test_scores_of_another_training_than_the_one_that_lies_there_are_in_no_band(wanted, tmp_path, jamcam):
    jamcam("--all")
    jamcam("--train", "--seed=7")

    overview = gather(replace(wanted(), workspaces=(jamcam.workspace,)))

    (run,) = overview.runs
    assert (run.scores, run.accuracy) == (None, None)
    assert "scores and detections, which are of another training" in overview.notes[-1]
    assert run.band.is_inside is Verdict.CANNOT_TELL
    assert "eval is not known" in run.band.why


def test_half_a_run_is_told_as_far_as_it_went(wanted, tmp_path):
    lay_out(tmp_path / "workspace")
    for name in ("metrics.json", "detections.jsonl", "yolov4_training_log_resnet10.csv"):
        (tmp_path / "workspace" / "experiment" / name).unlink()
    (run,) = gather(wanted("workspace")).runs
    assert (run.learning, run.scores, run.accuracy, run.pictures) == (None, None, None, ())
    assert len(run.tries) == 4


def test_several_workspaces_are_told_apart_and_compared_with_the_first(wanted, tmp_path):
    for name in ("one/workspace", "two/workspace"):
        lay_out(tmp_path / name)
    it = gather(wanted("one/workspace", "two/workspace"))
    assert [run.name for run in it.runs] == ["one/workspace", "two/workspace"]
    (compared,) = it.compared
    assert (compared.a, compared.b, compared.of) == ("one/workspace", "two/workspace", "runs")
    assert compared.is_slower is Verdict.CANNOT_TELL
    assert compared.waterfall.total.difference_s == 0.0


def test_as_many_folders_are_named_as_it_takes(wanted, tmp_path):
    for name in ("one/a/workspace", "two/a/workspace"):
        lay_out(tmp_path / name)
    it = gather(wanted("one/a/workspace", "two/a/workspace"))
    assert [run.name for run in it.runs] == ["one/a/workspace", "two/a/workspace"]


def test_without_a_run_and_without_a_record_there_is_nothing_to_tell(wanted):
    with pytest.raises(CannotTell, match="neither a run") as caught:
        gather(wanted("workspace"))
    assert "make all" in caught.value.remedy


def test_records_alone_are_told(wanted, tmp_path):
    lay_out_records(tmp_path / "results", dated(1, 30.0, 31.0), dated(2, 20.0, 21.0))
    it = gather(wanted("workspace"))
    assert [row.platform for row in it.records] == ["local", "local"]
    assert it.records_folder == "../results"
    assert it.histories[0].reference == "20260301T100000Z-0000"
    assert [(one.a[:8], one.b[:8], one.of) for one in it.compared] == [("20260301", "20260302", "train")]
    assert it.machine is None


def test_two_sides_can_be_named(wanted, tmp_path):
    lay_out_records(tmp_path / "results", dated(1, 30.0), dated(2, 20.0), dated(3, 20.0))
    sides = {"a": "20260303T100000Z-0000", "b": "20260301T100000Z-0000"}
    (compared,) = gather(wanted("workspace", **sides)).compared
    assert (compared.a, compared.b) == (sides["a"], sides["b"])


def test_one_side_alone_is_refused(wanted, tmp_path):
    lay_out_records(tmp_path / "results", dated(1, 30.0))
    with pytest.raises(ConfigError, match="two sides"):
        gather(wanted("workspace", a="local"))


def test_a_record_that_cannot_be_read_is_passed_over_aloud(wanted, tmp_path):
    lay_out_records(tmp_path / "results", dated(1, 30.0), dated(2, 30.0))
    (tmp_path / "results" / "local" / "20260301T100000Z-train-0000" / "record.json").write_text("{")
    (tmp_path / "results" / "local" / "20260302T100000Z-train-0000" / "samples.csv.gz").write_bytes(b"x")
    it = gather(wanted("workspace"))
    assert len(it.records) == 1
    assert "is no record" in it.notes[0]


def test_costs_are_told_by_workspace_and_platform_without_the_rest(wanted, tmp_path):
    lay_out(tmp_path / "workspace")
    lay_out_records(tmp_path / "results", dated(1, 30.0), dated(1, 30.0, platform="jade"))
    given = wanted("workspace", power_w=360.0, gco2e_per_kwh=100.0)
    costs = gather_costs(given)
    assert [one.title for one in costs] == ["workspace workspace", "records of jade", "records of local"]
    assert costs == gather(given).costs
    assert costs[1].cost.energy.kwh == pytest.approx(0.001)  # 10 s of 360 W
    assert costs[1].cost.energy.gco2e == pytest.approx(0.1)


def test_what_others_wrote_makes_no_difference_to_what_is_told_of_a_run(wanted, tmp_path):
    lay_out(tmp_path / "workspace", name="<b>car</b>")
    (run,) = gather(wanted("workspace")).runs
    assert run.accuracy.classes[0].name == "<b>car</b>"
    assert run.accuracy.threshold == pytest.approx(0.8)
    assert CAR not in run.scores.average_precision


def test_a_run_of_a_recipe_with_a_band_says_whether_it_is_like_other_seeds(done, tmp_path):
    place = Wanted(workspaces=(done.workspace,), results=tmp_path / "results", beside=tmp_path)
    (run,) = gather(place).runs
    assert run.band.is_inside is Verdict.CANNOT_TELL  # other data than those of the recipe
    assert run.band.seeds >= 2
    assert run.band.bounds["loss"][0] < run.band.bounds["loss"][1]


def test_a_recipe_that_is_a_path_leads_nowhere(done, tmp_path):
    for request in done.workspace.rglob("request.json"):
        table = json.loads(request.read_text())
        table["settings"]["recipe"]["value"] = "../../etc/passwd"
        request.write_text(json.dumps(table))
    place = Wanted(workspaces=(done.workspace,), results=tmp_path / "results", beside=tmp_path)
    assert gather(place).runs[0].band is None
