from harness.measure.cases import link_inputs
from harness.workspace.layout import Workspace


def test_what_was_fetched_is_linked_and_what_may_be_edited_is_copied(tmp_path):
    user, own = Workspace(tmp_path / "user"), Workspace(tmp_path / "user" / ".bench" / "b")
    for name in (
        "data/frames.zip",
        "pretrained_resnet18/w.hdf5",
        "specs/spec.txt",
        "experiment/weights/w.pt",
    ):
        (user.root / name).parent.mkdir(parents=True, exist_ok=True)
        (user.root / name).write_text(name)

    link_inputs(user, own, "frames.zip")

    found = {path.relative_to(own.root).as_posix() for path in own.root.rglob("*") if path.is_file()}
    assert found == {"data/frames.zip", "pretrained_resnet18/w.hdf5", "specs/spec.txt"}
    assert (user.data / "frames.zip").samefile(own.data / "frames.zip")
    assert not (user.specs / "spec.txt").samefile(own.specs / "spec.txt")
