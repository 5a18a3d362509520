"""`--json`: nothing but one table on standard output, as its schema says, and the status as without it."""

import importlib
import json
import os
import shutil
import subprocess
import sys

import pytest

from harness.cli import FAMILIES, main
from harness.files import read_json
from harness.measure.record_files import begin_record, close_record
from harness.verbs.verb import JSON
from harness.workspace.layout import Workspace
from harness.workspace.lock import Holder, take
from harness.workspace.marker import STAGES
from tests.harness.conftest import FAKES
from tests.harness.made import record
from tests.schema import faults

pytestmark = pytest.mark.usefixtures("signals_as_before")
VERBS = [verb for family in FAMILIES for verb in importlib.import_module(f"harness.verbs.{family}").VERBS]
ANSWERING = {verb.name for verb in VERBS if JSON in verb.options}


@pytest.fixture
def ask(settings, capsys, checkout):
    """Runs a verb with and without --json; its status and table, after both were compared with each other."""

    def run(verb, *words):
        told = (main([verb, *words]), capsys.readouterr().err)
        status, printed = main([verb, *words, "--json"]), capsys.readouterr()
        assert (status, printed.err) == told
        table = json.loads(printed.out)
        schema = read_json(checkout / "specs" / "answers" / f"{verb}.schema.json")
        receipt = read_json(checkout / "specs" / "receipt.schema.json")
        kinds = {"receipt.schema.json": receipt, **receipt["$defs"], **schema.get("$defs", {})}
        assert [*faults(table, schema, kinds)] == []
        return status, table

    return run


@pytest.fixture
def here(done):
    """The options of a workspace in which all nine stages are done."""
    return [each for each in done.options() if not each.startswith("--platform")]


def test_every_verb_that_answers_in_json_has_a_schema_and_no_other(checkout):
    described = {path.name.split(".")[0] for path in (checkout / "specs" / "answers").iterdir()}

    assert {"status", "plan", "why", "platforms", "doctor", "compare", "gate", "reproduce"} <= ANSWERING
    assert described == ANSWERING


def test_a_schema_knows_every_key_and_says_which_verb_it_is_of(checkout):
    for verb in sorted(ANSWERING):
        schema = read_json(checkout / "specs" / "answers" / f"{verb}.schema.json")
        assert schema["properties"]["verb"] == {"const": verb}
        tables = [each for each in schema.get("$defs", {}).values() if each["type"] == "object"]
        for each in (schema, *tables):
            assert each["additionalProperties"] is False, verb
            assert each["required"] == list(each["properties"]), verb


def test_status_of_a_finished_workspace(ask, here, done):
    status, table = ask("status", *here)

    assert status == 0
    assert [(each["stage"], each["state"]) for each in table["stages"]] == [(name, "done") for name in STAGES]
    assert all(each["finished_utc"].endswith("Z") and each["duration_s"] >= 0 for each in table["stages"])
    assert (table["workspace"], table["run"], table["failed_tries"]) == (str(done.workspace), None, [])
    assert (table["kept_epochs"], table["aside"]) == (0, {"sets": 0, "bytes": 0})


def test_status_of_a_workspace_in_which_somebody_works_and_a_try_failed(ask, here, done):
    workspace = Workspace(done.workspace)
    take(workspace, Holder(host="node7", pid=7, started="1"))
    attempt = workspace.attempts / "train" / "2999-x"
    (attempt / "products" / "experiment").mkdir(parents=True)
    (attempt / "request.json").write_text('{"started_utc": "2999-01-01T00:00:00.000Z"}')
    told = '{"epoch": 2, "max_epoch": 3, "eta": "0:10:00"}'
    (attempt / "products" / "experiment" / "status.json").write_text(told)
    failed = workspace.attempts / "export" / "2998-x"
    failed.mkdir()
    outcome = {"status": "failed", "message": "export: no room", "finished_utc": "2998-01-01T00:00:00.000Z"}
    (failed / "outcome.json").write_text(json.dumps(outcome))

    _, table = ask("status", *here, "--epochs=3")
    (train,) = table["run"].pop("stages")

    assert table["run"].pop("since_utc").endswith("Z")
    assert table["run"] == {"holder": "process 7 on node7"}
    assert (train["stage"], train["epoch"], train["epochs"]) == ("train", 3, 3)
    assert 0 < train["left_s"] <= 600
    assert table["failed_tries"] == [
        {
            "stage": "export",
            "status": "failed",
            "ended_utc": "2998-01-01T00:00:00.000Z",
            "why": "no room",
            "folder": str(failed),
        }
    ]


def test_status_tells_what_lies_aside_and_what_would_come_back(ask, here, done):
    done("train", "--epochs=1")

    _, table = ask("status", *here)

    states = {each["stage"]: each["state"] for each in table["stages"]}
    assert (states["convert-data"], states["train"], states["eval"]) == ("done", "to take back", "done then")
    assert table["aside"]["sets"] == 1
    assert table["aside"]["bytes"] > 0


def test_a_plan_is_argument_lists_and_says_why(ask, here, done):
    status, table = ask("plan", *here, "--epochs=3")

    assert status == 0
    assert (table["batch_script"], table["refused"], table["cannot_tell"]) == (None, None, [])
    assert [step["stage"] for step in table["steps"]] == ["train", "eval", "vis", "export"]
    train, evaluate = table["steps"][:2]
    assert (train["reasons"], train["after"]) == (["epochs was 2, is now 3"], [])
    assert train["commands"][0][1:3] == ["train", "-e"]
    assert (evaluate["stage"], evaluate["after"]) == ("eval", ["train"])


def test_a_plan_that_would_be_refused_says_so(ask, here, done):
    copy = done.workspace / "specs" / "yolo_v4_train_resnet10_smoke.txt"
    copy.write_text(copy.read_text().replace("num_epochs:", "num_epoch:"))

    _, table = ask("plan", *here)

    assert "there is no field num_epoch in training_config" in table["refused"]["message"]
    assert table["refused"]["remedy"]


def test_a_plan_for_a_queue_is_the_script(ask, here):
    _, table = ask("plan", *here, "--platform=jade", "--account=me")

    assert table["steps"] is None
    assert table["batch_script"].startswith("#!/bin/bash\n#SBATCH --job-name=jamcam-NEW-1\n")
    assert "account: must not be given (found: me)" in table["refused"]["message"]


def test_a_plan_shows_no_secret(ask, here, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("JAMCAM_KEY", "open sesame")
    words = ["--engine=tao", f"--image={tmp_path}/tao.sif", "--tao-version=3.21.11"]
    main(["plan", *here, *words, "--json"])

    printed = capsys.readouterr().out
    assert "$JAMCAM_KEY" in printed
    assert "open sesame" not in printed


def test_why_ends_as_it_does_in_words(ask, here):
    status, table = ask("why", "train", *here)
    assert (status, table["state"], table["reasons"]) == (0, "done", [])
    assert table["finished_utc"].endswith("Z")

    status, table = ask("why", "eval", *here, "--epochs=3")
    assert (status, table["state"]) == (1, "to do")
    assert table["reasons"] == ["epochs was 2, is now 3", "train comes first: epochs was 2, is now 3"]


def test_platforms_are_those_there_are_files_for(ask, checkout):
    _, table = ask("platforms")

    names = [each["name"] for each in table["platforms"]]
    files = (checkout / "specs" / "platforms").glob("*.toml")
    assert names == sorted(path.stem for path in files if not path.stem.endswith(".mine"))
    known = {each["name"]: each for each in table["platforms"]}
    assert known["baskerville"]["status"] == "retired"
    assert known["baskerville"]["must_be_given"] == ["account", "qos"]
    assert known["sulis"]["status"] == "cannot tell"
    assert [each["name"] for each in table["platforms"] if each["is_this_machine"]] in (["local"], ["wsl2"])
    assert known["local"]["successor"] is None


@pytest.mark.parametrize(
    ("platform", "status", "verdict"),
    [("local", 0, "yes"), ("baskerville", 1, "no"), ("pearl", 5, "cannot tell")],
)
def test_doctor_has_one_verdict_of_three(ask, here, monkeypatch, tmp_path, platform, status, verdict):
    (tmp_path / "sbatch").write_text("#!/bin/sh\n")
    (tmp_path / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    ended, table = ask("doctor", *here, f"--platform={platform}")

    assert (ended, table["verdict"]) == (status, verdict)
    verdicts = {each["verdict"] for each in table["findings"]}
    assert verdict in verdicts
    assert all(each["remedy"] for each in table["findings"] if each["verdict"] != "yes")


@pytest.fixture
def results(tmp_path):
    """Keeps records of benches at these rates, a day apart; its option."""

    def keep(*rates, **words):
        for day, rate in enumerate(rates, 1):
            bench, when = f"2026020{day}T000000Z-0000", f"2026-02-0{day}T00:00:00Z"
            one = record("train", [rate] * 5, bench=bench, started=when, **words)
            close_record(begin_record(tmp_path / "results", one), one)
        return f"--results={tmp_path / 'results'}"

    return keep


def test_compare_gives_ratio_interval_and_values(ask, results):
    status, table = ask("compare", "--a=local", "--b=20260201T000000Z-0000", results(100.0, 50.0))

    (one,) = [each for each in table["comparisons"] if each["quantity"] == "train_images_per_s"]
    assert (status, table["obstacles"], table["notes"]) == (0, [], [])
    assert (one["a"], one["b"]) == ([[50.0] * 5], [[100.0] * 5])
    assert (round(one["ratio"], 3), round(one["low"], 3), round(one["high"], 3)) == (0.5, 0.425, 0.588)
    assert one["is_spread_declared"] is True


def test_compare_of_what_must_not_be_compared_gives_figures_with_force_only(ask, results, tmp_path):
    results(100.0)
    other = record("train", [50.0] * 5, bench="20260301T000000Z-0000", conditions={"seed": 7})
    close_record(begin_record(tmp_path / "results", other), other)
    sides = ["--a=20260301T000000Z-0000", "--b=20260201T000000Z-0000", f"--results={tmp_path / 'results'}"]

    status, table = ask("compare", *sides)
    assert (status, table["comparisons"]) == (5, [])
    assert any("seed" in line for line in table["obstacles"])

    status, table = ask("compare", *sides, "--force")
    assert status == 5
    assert table["comparisons"]


def test_compare_of_two_workspaces_gives_what_differs_with_its_values(ask, done, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(done.workspace, other)
    done("all", "--epochs=1")

    status, table = ask("compare", f"--a={done.workspace}", f"--b={other}")

    runs = table["runs"]
    assert (status, table["obstacles"], table["comparisons"]) == (0, [], [])
    assert {"name": "epochs", "a": 1, "b": 2} in runs["facts"]
    assert runs["data"] == []
    assert [each["stage"] for each in runs["times"]] == [*STAGES]
    assert {each["name"] for each in runs["scores"]} >= {"mAP"}
    assert "epochs is 1 against 2" in table["questions"]


def test_compare_of_scores_on_other_frames_is_no_comparison(ask, done, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(done.workspace, other)
    marker = other / ".markers" / "verify.json"
    table = json.loads(marker.read_text())
    for product in table["products"]:
        product["sha256"] = "0" * 64
    marker.write_text(json.dumps(table))
    sides = [f"--a={done.workspace}", f"--b={other}"]

    status, table = ask("compare", *sides)
    assert (status, table["runs"]["scores"]) == (5, [])
    assert table["runs"]["data"]

    status, table = ask("compare", *sides, "--force")
    assert status == 5
    assert table["runs"]["scores"]


@pytest.mark.parametrize(
    ("rates", "status", "verdict"),
    [((100.0, 100.0), 0, "no"), ((100.0, 50.0), 3, "yes"), ((100.0,), 5, "cannot tell")],
)
def test_gate_says_whether_it_is_worse(ask, results, rates, status, verdict):
    ended, table = ask("gate", results(*rates))

    assert (ended, table["is_worse"]) == (status, verdict)
    assert verdict in {row["is_worse"] for row in table["rows"]}


def test_a_reproduction_leaves_standard_output_to_its_receipt(ask, done, tmp_path, checkout):
    own = tmp_path / "own"
    words = ["reproduce", str(done.workspace), f"--workspace={own}", "--json"]
    path = f"{FAKES}{os.pathsep}{os.environ['PATH']}"
    ended = subprocess.run(
        [sys.executable, "-m", "harness", *words],
        cwd=checkout,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )

    table = json.loads(ended.stdout)
    assert table["file"] == str(own / "receipt.json")
    assert table["receipt"] == read_json(own / "receipt.json")
    assert "train  " in ended.stderr
    assert "reproduce | comparing the products" in ended.stderr

    status, shown = ask("reproduce", table["file"])
    assert (status, shown) == (0, table)


@pytest.mark.parametrize(
    ("verdict", "level", "status"), [("no", "different", 3), ("cannot tell", "cannot tell", 5)]
)
def test_a_receipt_that_says_no_or_cannot_tell_ends_so(ask, tmp_path, verdict, level, status):
    side = {"kind": "workspace", "digest": "ab" * 32, "record": "", "facts": {"threads": 2}, "packages": {}}
    digests = {"there": "cd" * 32, "here": "ef" * 32}
    product = {"stage": "eval", "name": "experiment/metrics.json", "level": level, **digests}
    product |= {"difference": "mAP was 0.5, is 0.4", "causes": []}
    receipt = {
        "verdict": verdict,
        "level": level,
        "promised": "same bytes",
        "promised_because": "the numerics class is the same",
        "there": side,
        "here": side,
        "exact": False,
        "only": ["eval"],
        "differences": [{"fact": "torch", "there": None, "here": "2.13.0"}],
        "stages": [],
        "products": [product],
        "network": "",
        "made_utc": "2026-03-01T10:15:00.250Z",
        "duration_s": 1.5,
        "harness_version": "1.0.0",
        "schema_version": 1,
    }
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(receipt))

    ended, table = ask("reproduce", str(path))

    assert ended == status
    assert table["receipt"] == receipt


def test_what_is_passed_over_is_a_note_and_no_line_beside_the_table(ask, results, tmp_path):
    option = results(100.0, 100.0)
    broken = tmp_path / "results" / "local" / "20260301T000000Z-train-0000"
    broken.mkdir()
    (broken / "record.json").write_text("{")

    status, table = ask("compare", "--a=20260202T000000Z-0000", "--b=20260201T000000Z-0000", option)
    assert status == 0
    assert len(table["notes"]) == 1
    assert broken.name in table["notes"][0]

    status, table = ask("gate", option)
    (row,) = [row for row in table["rows"] if row["is_worse"] == "cannot tell"]
    assert status == 5
    assert broken.name in row["why"]


def test_what_others_wrote_is_in_the_table_as_it_is_and_on_the_terminal_as_escapes(done):
    """A reason longer than a line that people are shown, with an escape code in it."""
    failed = Workspace(done.workspace).attempts / "export" / "2998-x"
    failed.mkdir()
    why = "\x1b[2J" + "x" * 20_000
    outcome = {"status": "failed", "message": why, "finished_utc": "2998-01-01T00:00:00.000Z"}
    (failed / "outcome.json").write_text(json.dumps(outcome))

    printed = done("status", "--epochs=3", "--json")

    assert "\x1b" not in printed
    assert json.loads(printed)["failed_tries"][0]["why"] == why


def test_a_command_that_cannot_answer_prints_no_table(capsys):
    assert main(["why", "trian", "--json"]) == 2

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "jamcam: there is no stage trian\n  try: write train\n"


def test_a_look_again_and_again_has_no_table(capsys):
    assert main(["status", "--watch", "--json"]) == 2
    assert capsys.readouterr().err.endswith("  try: leave --watch or --json out\n")


def test_every_key_is_in_the_page_on_json(checkout):
    page = (checkout / "docs" / "json.md").read_text()
    for verb in sorted(ANSWERING):
        schema = read_json(checkout / "specs" / "answers" / f"{verb}.schema.json")
        tables = (schema, *schema.get("$defs", {}).values())
        keys = {key for each in tables for key in each.get("properties", ())}
        assert sorted(key for key in keys if f"`{key}`" not in page) == [], verb
