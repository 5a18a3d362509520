"""Stages before the first call of the engine, killed at work: the next run ends like an undisturbed one."""

import pytest

from harness.files import digest_path
from tests.waiting import until

pytestmark = pytest.mark.slow

PRODUCTS = (
    "data/.frames",
    "data/train",
    "data/val",
    "data/test",
    "data/split.json",
    "experiment/verify.json",
)
# The folder that each stage is killed in the middle of.
FILLING = {
    "download": "data/.frames/images",
    "verify": "data/.frames/labels",
    "gen-valid": "data/train/images",
}


@pytest.fixture
def many_frames(dataset, picture):
    """Enough to be killed among them."""
    content = picture(90)
    frames = {f"more/f{number:04d}.jpg": content for number in range(400)}
    return dataset({**frames, **{name.replace(".jpg", ".txt"): b"1 0.5 0.5 0.2 0.2\n" for name in frames}})


def is_killed_while(jamcam, stage):
    """Whether a run was killed in the middle of a stage; False: the stage had ended before it was."""
    marker = jamcam.workspace / f".markers/{stage}.json"
    marker.unlink(missing_ok=True)
    run, pattern = jamcam.start("gen-valid"), f".attempts/{stage}/*/products/{FILLING[stage]}/*"
    until(lambda: marker.exists() or any(jamcam.workspace.glob(pattern)), process=run, every_s=0.001)
    run.kill()
    run.communicate()
    return not marker.exists()


def test_after_sigkill_in_each_of_them_the_products_are_those_of_an_undisturbed_run(
    jamcam, many_frames, tmp_path
):
    jamcam.dataset = many_frames
    for stage in FILLING:
        # A busy machine may let the stage end before this process has its turn.
        assert any(is_killed_while(jamcam, stage) for _ in range(20))

    jamcam("gen-valid")

    killed, jamcam.workspace = jamcam.workspace, tmp_path / "undisturbed"
    jamcam("gen-valid")
    for product in PRODUCTS:
        assert digest_path(killed / product) == digest_path(jamcam.workspace / product)
