import dataclasses
import json

import pytest

from harness.files import Digest
from harness.reproduce.crate_actions import known
from harness.reproduce.crate_graph import Part, graph
from harness.reproduce.crate_page import page
from harness.reproduce.source import CODE, ENGINE, NUMERICS, SETTINGS, Run
from harness.verbs.run import HELPS
from harness.workspace.marker import EngineIdentity, Product
from tests.harness.made import marker

PROFILE = "https://w3id.org/ro/wfrun/provenance/0.5"
# What the graph refers to without describing it, as RO-Crate wants.
OUTSIDE = {
    "https://w3id.org/ro/crate/1.1",
    "https://w3id.org/ro/terms/workflow-run#SIFImage",
}
WORKFLOW = Part(path="workflow.json", title="the stages", bytes=2, sha256="a" * 64)
METRICS = Part(path="experiment/metrics.json", title="scores", bytes=9, sha256="b" * 64)
ODD = Part(path="experiment/my spec.txt", title="spec", bytes=3, sha256="c" * 64)


def product(path, sha256, files=1):
    return Product(path=path, digest=Digest(bytes=9, files=files, sha256=sha256))


@pytest.fixture
def run():
    engine = EngineIdentity(
        name="yolo_v4 on PATH", version="0.1.0", image="portable.sif", image_digest="d" * 64
    )
    markers = {
        "train": marker(
            "train",
            product("experiment/weights", "e" * 64, files=3),
            product(ODD.path, ODD.sha256),
            fingerprint="7" * 64,
            engine=engine,
            argv=(("yolo_v4", "train", "-e", "a b.txt"),),
            numerics=({"processor": "AVX2", "threads": 2},),
        ),
        "eval": marker(
            "eval",
            product(METRICS.path, METRICS.sha256),
            fingerprint="8" * 64,
            consumed={"train": "x"},
            engine=engine,
            finished_utc="2026-11-24T00:00:00.000Z",
        ),
    }
    facts = dict.fromkeys((*SETTINGS, *ENGINE, *NUMERICS, *CODE))
    facts |= {"recipe": "smoke", "epochs": 2, "val_split_pct": 10.0, "numbers": "bf16"}
    return Run(
        kind="workspace",
        name="workspace",
        facts={**facts, "harness_version": "0.1.0"},
        packages={"torch": "2.13.0"},
        markers=markers,
        scores={"mAP": 0.5},
    )


@pytest.fixture
def described(run):
    inside = {METRICS.path: METRICS.path, ODD.path: ODD.identifier}
    packages = Part(path="packages.txt", title="packages", bytes=14, sha256="f" * 64)
    parts = [WORKFLOW, packages, METRICS, ODD]
    table = graph(run, parts, titles=HELPS, inside=inside, licence="MIT")
    return {entity["@id"]: entity for entity in table["@graph"]}, table


def references(value):
    if isinstance(value, dict):
        yield from [value["@id"]] if [*value] == ["@id"] else references([*value.values()])
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_every_entity_has_a_name_of_its_own_and_every_reference_leads_to_one(described):
    entities, table = described

    assert len(entities) == len(table["@graph"])
    assert all(" " not in identifier for identifier in entities)
    assert {*references(table["@graph"])} - {*entities} == OUTSIDE


def test_the_crate_says_which_profile_it_conforms_to_when_it_was_made_and_what_is_in_it(described):
    entities, _ = described
    root = entities["./"]

    assert {"@id": PROFILE} in root["conformsTo"]
    assert root["datePublished"] == "2026-11-24"
    assert root["license"] == {"@id": "#licence"}
    assert entities["#licence"]["name"] == "MIT"
    assert [part["@id"] for part in root["hasPart"]] == [
        *("workflow.json", "packages.txt", "experiment/metrics.json", "experiment/my%20spec.txt"),
    ]


def test_a_stage_is_an_action_with_its_times_tool_engine_image_inputs_and_outputs(described):
    entities, _ = described
    train, evaluation = entities["#train/777777777777"], entities["#eval/888888888888"]

    assert train["instrument"] == [{"@id": "#tool/train"}, {"@id": "#engine/yolo_v4%20on%20PATH/0.1.0"}]
    assert train["containerImage"] == {"@id": f"#image/{'d' * 64}"}
    assert entities[f"#image/{'d' * 64}"]["name"] == "portable.sif"
    assert (train["startTime"], train["endTime"]) == (
        "2026-11-23T23:00:00.000+00:00",
        "2026-11-23T23:00:01.500+00:00",
    )
    assert train["description"] == "yolo_v4 train -e 'a b.txt'"
    assert train["result"] == [{"@id": "#product/experiment/weights"}, {"@id": "experiment/my%20spec.txt"}]
    assert [entities[each["@id"]]["value"] for each in train["object"]] == ["AVX2", "2"]
    assert evaluation["object"] == train["result"]
    assert evaluation["result"] == {"@id": "experiment/metrics.json"}
    assert entities["#step/train"]["object"] == {"@id": "#train/777777777777"}
    assert entities["#product/experiment/weights"]["description"].startswith("3 files, 9 bytes. ")
    assert entities["#product/experiment/weights"]["description"].endswith(" Not in this crate.")


def test_what_was_recorded_is_a_parameter_of_its_kind_and_what_was_not_is_left_out(run, described):
    entities, _ = described

    assert known(run) == ["recipe", "epochs", "val_split_pct", "numbers", "harness_version"]
    kinds = {name: entities[f"workflow.json#{name}"]["additionalType"] for name in known(run)}
    assert kinds == {
        **{"recipe": "Text", "epochs": "Integer", "val_split_pct": "Float"},
        **{"numbers": "Text", "harness_version": "Text"},
    }
    assert entities["#value/epochs"]["value"] == "2"
    assert "#value/seed" not in entities


def test_metadata_are_json_and_name_nobody(described):
    _, table = described
    text = json.dumps(table, allow_nan=False)

    assert "agent" not in text
    assert "Person" not in text


def test_the_page_shows_scores_stages_and_files_and_nothing_of_it_is_markup_of_others(run):
    facts = {**run.facts, "recipe": "<script>alert(1)</script>\x1b"}
    text = page(dataclasses.replace(run, facts=facts), [METRICS, ODD], titles=HELPS, licence="a & b")

    assert "<script" not in text
    assert "\x1b" not in text
    assert "Licence of the data: a &amp; b." in text
    assert "<tr><td>mAP</td><td>0.5</td></tr>" in text
    assert (
        "<tr><td>train</td><td>train the network</td><td>2026-11-23T23:00:00.000Z</td><td>1.5 s</td>"
        "<td>yolo_v4 on PATH 0.1.0</td></tr>"
    ) in text
    assert '<li><a href="experiment/my%20spec.txt">experiment/my spec.txt</a>, 3 bytes: spec</li>' in text
