import dataclasses

import pytest

from harness.errors import CannotTell
from harness.files import Digest
from harness.measure.band import Band, Quantity
from harness.measure.trained import settings_of
from harness.reproduce.compare_runs import Spread, compared_runs, comparison, names_run, obstacles
from harness.reproduce.source import CODE, ENGINE, NUMERICS, SETTINGS, Run, read_run
from harness.workspace.marker import Product
from tests.harness import made
from tests.harness.reproduce.crates import packed


def marker(stage, duration_s, **products):
    made_there = [
        Product(path=path.replace("__", "/"), digest=Digest(bytes=1, files=1, sha256=sha256))
        for path, sha256 in products.items()
    ]
    return made.marker(stage, *made_there, duration_s=duration_s)


@pytest.fixture
def run():
    facts = dict.fromkeys((*SETTINGS, *ENGINE, *NUMERICS, *CODE), "as ever")
    return Run(
        kind="workspace",
        name="street",
        facts={**facts, "epochs": 14, "commit": "a" * 64},
        packages={"torch": "2.13.0", "numpy": "2.2.6"},
        markers={
            "verify": marker("verify", 2.0, data__test__images="i", data__test__labels="l"),
            "train": marker("train", 400.0),
        },
        scores={"mAP": 0.571, "AP car": 0.75},
    )


def test_two_runs_differ_in_settings_packages_scores_and_times(run):
    other = dataclasses.replace(
        run,
        facts={**run.facts, "epochs": 3, "commit": "b" * 64, "threads": None},
        packages={"torch": "2.12.0", "numpy": "2.2.6", "pillow": "12.3.0"},
        markers={**run.markers, "train": marker("train", 100.0)},
        scores={"mAP": 0.553},
    )

    assert comparison(run, other, spreads={"mAP": Spread(sd=0.01, n=5)}, with_scores=True) == [
        "the question: epochs is 14 against 3",
        f"the question: commit is {'a' * 12} against {'b' * 12}",
        "not recorded on both sides: threads",
        "packages: pillow none against 12.3.0, torch 2.13.0 against 2.12.0",
        "data: all 2 products are the same",
        # t of 4 degrees of freedom, 0.975: 2.776 (Student 1908); 2.776 * 0.01 * sqrt(2) = 0.039
        "mAP: +0.018 (95 %: -0.021 to +0.057, by the band of 5 seeds); 0.571 against 0.553",
        "verify duration_s: 1.000 (one run: too few to say); 2 against 2 s, n 1 and 1",
        "train duration_s: 4.000 (one run: too few to say); 400 against 100 s, n 1 and 1",
    ]


def test_equal_runs_are_said_to_be_equal_and_a_score_without_a_band_has_no_interval(run):
    assert comparison(run, run, spreads={}, with_scores=True)[:4] == [
        "settings, engine, numerics and code are the same",
        "packages: the same 2",
        "data: all 2 products are the same",
        "mAP: +0.000 (one training each and no band of seeds: too few to say); 0.571 against 0.571",
    ]


def test_scores_on_other_or_unknown_test_frames_must_not_be_compared(run):
    other = dataclasses.replace(
        run, markers={"verify": marker("verify", 2.0, data__test__images="x", data__test__labels="l")}
    )
    unknown = dataclasses.replace(run, markers={})

    assert obstacles(run, run) == []
    assert obstacles(run, other) == ["data/test/images differs: the scores are of other test frames"]
    assert obstacles(run, unknown) == [
        "nobody knows whether both have the same data/test/images: it was not recorded",
        "nobody knows whether both have the same data/test/labels: it was not recorded",
    ]
    lines = comparison(run, other, spreads={}, with_scores=False)
    assert "data: 1 of 2 products differ: data/test/images" in lines
    assert not any(line.startswith("mAP") for line in lines)


def test_what_was_not_recorded_is_not_the_same(run):
    nothing = dataclasses.replace(run, facts=dict.fromkeys(run.facts), packages={}, markers={}, scores={})

    lines = comparison(run, nothing, spreads={}, with_scores=True)
    assert lines[0] == f"not recorded on both sides: {', '.join(run.facts)}"
    assert lines[1:] == [
        "packages: not recorded on both sides",
        "data: not recorded on both sides",
        "scores: not recorded on both sides",
    ]


def test_a_duration_of_a_clock_that_was_set_back_divides_nothing(run):
    back = dataclasses.replace(run, markers={"train": marker("train", -5.0)})

    assert comparison(run, back, spreads={}, with_scores=True)[-1] == (
        "train duration_s: nothing to divide by; 400 against -5 s, n 1 and 1"
    )


def test_a_workspace_is_compared_with_a_crate_of_it(finished_workspace, tmp_path):
    crate = tmp_path / "street.zip"
    packed(finished_workspace, crate)
    answer = compared_runs(tmp_path, str(finished_workspace), str(crate), force=False)

    first, *lines = answer.text.splitlines()
    assert answer.error is None
    assert first == f"{finished_workspace} over {crate}"
    assert any(line.startswith("data: all ") and line.endswith(" products are the same") for line in lines)
    assert any(line.startswith("mAP: +0.000 (") for line in lines)
    assert any(line.startswith("train duration_s: 1.000 (one run: too few to say)") for line in lines)


def test_other_data_end_with_cannot_tell_and_force_shows_the_scores_before(
    finished_workspace, jamcam, tmp_path
):
    other = jamcam.dataset.with_name("other.toml")
    other.write_text(jamcam.dataset.read_text().replace("test_frames = 8", "test_frames = 7"))
    jamcam(f"--dataset={other}", "--eval")
    sides = (str(finished_workspace), str(jamcam.workspace))

    for force in (False, True):
        answer = compared_runs(tmp_path, *sides, force=force)
        assert isinstance(answer.error, CannotTell)
        assert "the scores are of other test frames" in answer.error.message
        assert ("\nmAP: " in answer.text) is force


@pytest.fixture
def band(finished_workspace):
    """A band of five seeds with the settings of the finished workspace."""
    run = read_run(finished_workspace)
    values = (0.50, 0.51, 0.52, 0.53, 0.54)
    quantity = Quantity(n=5, mean=0.52, sd=0.0158, low=0.47, high=0.57, at_limit=False, values=values)
    return Band(
        recipe="smoke",
        n=5,
        seeds=(43, 44, 45, 46, 47),
        confidence=0.95,
        family=("mAP",),
        settings=settings_of(run.markers, run.ingredients),
        conditions={},
        numerics={},
        machine={},
        code={},
        environment={},
        facts={},
        commits=(),
        finished_utc="2026-11-29T00:00:00.000Z",
        schema_version=1,
        quantities={"mAP": quantity, "train_s": dataclasses.replace(quantity, sd=None)},
    )


def test_a_band_tells_of_runs_that_were_made_with_its_settings_and_of_no_others(
    finished_workspace, jamcam, band, tmp_path, monkeypatch
):
    # Bands know numbers as not judged where an engine tells no number format.
    known = {name: value for name, value in band.settings.items() if value is not None}
    monkeypatch.setattr(
        "harness.reproduce.compare_runs.read_band",
        lambda recipe: dataclasses.replace(band, settings=known, recipe=recipe),
    )
    jamcam("--eval", "--epochs=3")
    said = []

    same = str(finished_workspace)
    for other in (same, str(jamcam.workspace)):
        said.append(compared_runs(tmp_path, same, other, force=False).text)

    # 2.776 * 0.0158 * sqrt(2) = 0.062: t of 4 degrees of freedom (Student 1908)
    assert "mAP: +0.000 (95 %: -0.062 to +0.062, by the band of 5 seeds); " in said[0]
    assert "mAP: +0.000 (one training each and no band of seeds: too few to say); " in said[1]
    assert "the question: epochs is 2 against 3" in said[1]


def test_what_names_a_run_is_a_crate_or_a_folder_with_markers(finished_workspace, tmp_path):
    assert names_run(str(finished_workspace))
    assert names_run("somewhere/street.zip")
    assert not names_run("baskerville")
    assert not names_run(str(tmp_path))
