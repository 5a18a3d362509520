import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from harness.measure.band import read_band
from harness.measure.record import Code, Machine
from harness.settings.table import from_table
from harness.verbs.tidy import clean
from harness.workspace.layout import Workspace
from tests.harness.conftest import Jamcam

BY_SEED = {
    "FAKE_YOLO_V4": "train=by-seed evaluate=by-seed",
    "FAKE_NUMBER_FORMAT": "fp32",
    "OMP_NUM_THREADS": "2",
}
# What the stand-in makes of the seeds 43, 44 and 45: (seed * 37 % 11 - 5) / 100 more than this.
LUCK = {43: 0.02, 44: -0.05, 45: -0.01}
RECIPE = """
title = "flat pictures"
dataset = "{dataset}"
spec = "yolo_v4_train_resnet10_smoke.txt"
epochs = 2
batch = 4
checkpoint_interval = 1
seed = 42
val_split_pct = 20
vis_frames = 4
"""


class Own(Jamcam):
    """`jamcam` with a recipe of the user's own, whose data set it says itself."""

    @property
    def recipe(self) -> Path:
        return self.workspace.parent / "own.toml"

    @property
    def band(self) -> Path:
        return self.recipe.with_name("own.band.json")

    def options(self) -> list[str]:
        return [f"--recipe={self.recipe}", "--engine=here", f"--workspace={self.workspace}"]


@pytest.fixture
def own(tiny_dataset, workspace, tmp_path):
    jamcam = Own(
        tiny_dataset, workspace, environment={**BY_SEED, "FAKE_YOLO_V4_CALLS": str(tmp_path / "calls")}
    )
    workspace.parent.mkdir(parents=True, exist_ok=True)
    jamcam.recipe.write_text(RECIPE.format(dataset=tiny_dataset))
    return jamcam


@pytest.fixture(scope="module")
def three_seeds(tiny_dataset, tmp_path_factory):
    """A folder with a recipe, its band of three seeds, and the workspace that they were trained in."""
    folder = tmp_path_factory.mktemp("three")
    jamcam = Own(tiny_dataset, folder / "workspace", environment=BY_SEED)
    jamcam.recipe.write_text(RECIPE.format(dataset=tiny_dataset))
    return jamcam, jamcam("seeds", "--n=3")


@pytest.fixture
def trained(three_seeds, own):
    """`jamcam` where a band of three seeds was made."""
    made, _ = three_seeds
    shutil.copytree(made.workspace, own.workspace)
    shutil.copy(made.band, own.band)
    return own


def trainings(tmp_path):
    calls = tmp_path / "calls"
    return calls.read_text().splitlines().count("train") if calls.exists() else 0


def landed(printed):
    return [line for line in printed.splitlines() if "in the band of" in line]


@pytest.mark.slow
def test_a_band_tells_mean_spread_and_number_of_each_quantity_and_where_it_was_made(three_seeds):
    jamcam, printed = three_seeds
    band = read_band(str(jamcam.recipe))

    assert (band.recipe, band.n, band.seeds) == ("own", 3, (43, 44, 45))
    assert band.family == (
        "mAP",
        *(f"AP {name}" for name in ("bicycle", "bus", "car", "person", "truck")),
        "loss",
    )
    car, loss, bike = (band.quantities[name] for name in ("AP car", "loss", "AP motorbike"))
    assert car.values == pytest.approx([0.5 + luck for luck in LUCK.values()])
    assert loss.values == pytest.approx([1.0 + luck for luck in LUCK.values()])
    assert car.mean == pytest.approx(0.5 - 0.04 / 3)
    assert (bike.n, bike.mean, bike.values) == (0, None, (None, None, None))
    assert band.quantities["train_s"].n == 3
    assert band.numerics["train"] == [{"number_format": "fp32", "processor": "made up", "threads": 2}]
    assert band.conditions["seed"] == 42
    from_table(Machine, band.machine, where="machine")
    from_table(Code, band.code, where="code")
    text = jamcam.band.read_text()
    assert str(jamcam.workspace.parent) not in text
    assert os.uname().nodename not in text
    assert "seeds | seed 44, 2 of 3, in " in printed
    assert f"band: {jamcam.band}; commit it beside the recipe" in printed


@pytest.mark.slow
def test_what_is_trained_is_not_trained_again_and_more_seeds_are_trained_on_top(trained, tmp_path):
    before = trained.band.read_text()
    trained("seeds", "--n=3")
    assert (trainings(tmp_path), trained.band.read_text()) == (0, before)

    trained("seeds", "--n=4")
    assert trainings(tmp_path) == 1
    assert read_band(str(trained.recipe)).seeds == (43, 44, 45, 46)


@pytest.mark.slow
def test_seeds_that_were_interrupted_go_on_with_what_is_left(own, tmp_path):
    process = own.start("seeds", "--n=2", FAKE_YOLO_V4="train=hang-after-1")
    for line in process.stdout:
        if "Epoch 1/2" in line:
            break
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 130, printed
    assert not own.band.exists()

    printed = own("seeds", "--n=2")
    assert "goes on after epoch 1" in printed
    band = read_band(str(own.recipe))
    assert (band.n, band.quantities["train_s"].values[0]) == (2, None)  # it was not trained in one go


@pytest.mark.slow
def test_a_run_says_whether_it_landed_in_the_band(trained):
    (line,) = landed(trained("eval"))
    assert line == (
        "in the band of 3 seeds: yes: by mAP, AP bicycle, AP bus, AP car, AP person, AP truck, loss"
    )
    assert landed(trained("eval")) == [line]  # also where there is nothing to do

    printed = trained("eval", FAKE_YOLO_V4="evaluate=by-seed", status=0)
    assert landed(printed) == [line]


@pytest.mark.slow
def test_a_result_that_no_seed_gives_is_told_with_what_was_expected(trained):
    table = json.loads(trained.band.read_text())
    for one in table["quantities"].values():
        if one["n"]:
            one["values"] = [1e-3 * value for value in one["values"]]
            for name in ("mean", "sd", "low", "high"):
                one[name] *= 1e-3
    trained.band.write_text(json.dumps(table))

    (line, *_) = landed(trained("eval"))
    assert line.startswith("in the band of 3 seeds: no: mAP 0.48, expected ")


@pytest.mark.slow
def test_a_run_of_other_settings_or_with_a_damaged_band_cannot_be_told_and_ends_well(trained):
    (line,) = landed(trained("eval", "--epochs=3"))
    assert line == "in the band of 3 seeds: cannot tell: train epochs was 2, is now 3"
    (line,) = landed(trained("eval", "--seed=7", FAKE_NUMBER_FORMAT="bf16"))
    assert line == (
        "in the band of 3 seeds: cannot tell: eval number format was fp32, is now bf16, "
        "train mixed_precision was false, is now true, train number format was fp32, is now bf16"
    )
    trained.band.write_text("{")
    printed = trained("eval")
    assert f"in the band of seeds: cannot tell: {trained.band} is no band of seeds: " in printed


@pytest.mark.slow
def test_seeds_that_were_not_trained_alike_make_no_band(trained):
    path = trained.workspace / ".seeds" / "44" / "trained-on.json"
    table = json.loads(path.read_text())
    table["machine"]["cpu_model"] = "another one"
    path.write_text(json.dumps(table))
    before = trained.band.read_text()

    printed = trained("seeds", "--n=3", status=5)
    assert "seeds 43 and 44 were not trained alike: machine cpu_model was " in printed
    assert trained.band.read_text() == before

    (trained.workspace / ".seeds" / "43" / "trained-on.json").unlink()
    assert "where seed 43 was trained cannot be told" in trained("seeds", "--n=3", status=5)


@pytest.mark.slow
def test_a_seed_that_fails_ends_it_in_words_and_keeps_the_others(trained, tmp_path):
    printed = trained("seeds", "--n=4", status=1, FAKE_YOLO_V4="train=crash")
    assert "jamcam: train: yolo_v4 train ended with exit status 1" in printed
    assert f"--workspace={trained.workspace / '.seeds' / '46'}" in printed
    assert read_band(str(trained.recipe)).n == 3
    trained("seeds", "--n=4")
    assert read_band(str(trained.recipe)).n == 4


@pytest.mark.slow
def test_another_run_in_the_workspace_of_a_seed_is_not_disturbed(trained):
    holder = trained.start(
        "all", f"--workspace={trained.workspace / '.seeds' / '46'}", FAKE_YOLO_V4="train=hang"
    )
    for line in holder.stdout:
        if "train | reads" in line or "train | starting" in line:
            break
    assert f"{trained.workspace / '.seeds' / '46'} is held by process" in trained("seeds", "--n=4", status=4)
    holder.terminate()
    holder.communicate(timeout=60)


@pytest.mark.parametrize(
    ("option", "told"),
    [("--epochs=3", "epochs is given beside it (command line)"), ("--limit=8", "limit is given beside it")],
)
def test_a_band_is_of_a_recipe_as_it_stands(own, option, told):
    printed = own("seeds", option, status=2)
    assert f"a band is of a recipe as it stands, and {told}" in printed
    assert not own.workspace.exists()


@pytest.mark.parametrize("count", ["1", "0", "-3", "five", "5.0", "", "\u0665", "1" * 20])
def test_a_band_needs_two_seeds_and_no_more_than_anybody_trains(own, count):
    assert "expected 2 to 9999" in own("seeds", f"--n={count}", status=2)


def test_a_band_that_could_not_be_written_is_refused_before_anything_is_trained(own):
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    own.recipe.parent.chmod(0o555)
    try:
        assert "cannot be written, where the band of own belongs" in own("seeds", status=2)
    finally:
        own.recipe.parent.chmod(0o755)


@pytest.mark.slow
def test_clean_removes_the_seeds(trained):
    removed, _ = clean(Workspace(trained.workspace), archive="frames.zip", keep=True)
    assert removed == [".seeds"]
    assert not (trained.workspace / ".seeds").exists()
