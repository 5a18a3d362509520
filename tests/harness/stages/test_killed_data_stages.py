"""The stages before the first question to the engine, killed at work: the next run ends as an undisturbed one."""

import time

import pytest

from harness.files import digest_path

pytestmark = pytest.mark.slow

PRODUCTS = ("data/.frames", "data/train", "data/val", "data/test", "data/split.json", "experiment/verify.json")


@pytest.fixture
def many_frames(dataset, picture):
    """Enough to be killed among them."""
    content = picture(90)
    frames = {f"more/f{number:04d}.jpg": content for number in range(600)}
    return dataset({**frames, **{name.replace(".jpg", ".txt"): b"1 0.5 0.5 0.2 0.2\n" for name in frames}})


@pytest.mark.parametrize(
    ("stage", "filling"),
    [
        ("download", "data/.frames/images"),
        ("verify", "data/.frames/labels"),
        ("gen-valid", "data/train/images"),
    ],
)
def test_after_sigkill_the_next_run_ends_with_the_same_products(jamcam, many_frames, tmp_path, stage, filling):
    jamcam.dataset = many_frames
    run = jamcam.start("gen-valid")
    deadline = time.monotonic() + 60
    while not any(jamcam.workspace.glob(f".attempts/{stage}/*/products/{filling}/*")):
        assert run.poll() is None, run.communicate()[0]
        assert time.monotonic() < deadline
    run.kill()
    run.communicate()
    assert not (jamcam.workspace / f".markers/{stage}.json").exists()

    jamcam("gen-valid")

    killed, jamcam.workspace = jamcam.workspace, tmp_path / "undisturbed"
    jamcam("gen-valid")
    for product in PRODUCTS:
        assert digest_path(killed / product) == digest_path(jamcam.workspace / product)
