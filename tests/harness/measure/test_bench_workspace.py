import pytest

from harness.errors import ConfigError
from harness.measure import bench_workspace as bench
from harness.measure.bench_workspace import bench_folder, lay_out, load_plan
from harness.workspace.layout import Workspace


def test_a_recipe_may_differ_from_the_plan():
    assert (load_plan("sample").repeats, load_plan("sample").train_steps) == (5, 20)
    assert (load_plan("sample").epochs, load_plan("jamcam").epochs) == (7, 0)
    assert load_plan("smoke").repeats == 2
    assert load_plan("smoke").host_name is False


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("repeat = 5", "unknown key 'repeat'"),
        ("repeats = 0", "repeats is 0, expected 1 or more"),
        ("[recipes.smoke]\nrepeats = 'two'", "repeats: found 'two'"),
        ("batches = [0]", "expected 1 or more"),
    ],
)
def test_a_plan_that_cannot_be_right_is_refused(tmp_path, monkeypatch, text, complaint):
    (tmp_path / "bench.toml").write_text(text)
    monkeypatch.setattr(bench, "PLAN", tmp_path / "bench.toml")

    with pytest.raises(ConfigError, match=complaint):
        load_plan("smoke")


def test_what_was_fetched_is_linked_and_what_may_be_edited_is_copied(tmp_path):
    user, own = Workspace(tmp_path / "user"), Workspace(bench_folder(Workspace(tmp_path / "user"), "b"))
    for name in ("data/frames.zip", "pretrained_resnet18/w.hdf5", "specs/spec.txt", "experiment/weights/w.pt"):
        (user.root / name).parent.mkdir(parents=True, exist_ok=True)
        (user.root / name).write_text(name)

    lay_out(user, own, "frames.zip")

    found = {path.relative_to(own.root).as_posix() for path in own.root.rglob("*") if path.is_file()}
    assert found == {"data/frames.zip", "pretrained_resnet18/w.hdf5", "specs/spec.txt"}
    assert (user.data / "frames.zip").samefile(own.data / "frames.zip")
    assert not (user.specs / "spec.txt").samefile(own.specs / "spec.txt")
