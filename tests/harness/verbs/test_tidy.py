import pytest

from harness.cli import main
from harness.verbs.tidy import clean
from harness.workspace.layout import Workspace


@pytest.fixture
def room(tmp_path):
    for name in ("data/x.zip", "data/.frames/a", "experiment/b", "specs/c", ".markers/d", "notes/mine"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    return Workspace(tmp_path)


def left(room):
    return sorted(path.relative_to(room.root).as_posix() for path in room.root.rglob("*") if path.is_file())


def test_what_was_fetched_and_what_may_be_edited_stays(room):
    assert clean(room, archive="x.zip", keep=True) == (
        ["data/.frames", "experiment", ".markers"],
        ["data/x.zip", "specs"],
    )
    assert left(room) == ["data/x.zip", "notes/mine", "specs/c"]


def test_on_request_that_goes_too_but_nothing_we_did_not_make(room):
    removed, kept = clean(room, archive="x.zip", keep=False)

    assert (removed, kept) == (["data/.frames", "experiment", ".markers", "data/x.zip", "specs"], [])
    assert left(room) == ["notes/mine"]


@pytest.mark.usefixtures("signals_as_before")
@pytest.mark.parametrize("keep", ["0", "1"])
def test_a_folder_in_which_no_stage_was_begun_is_left_as_it_is(tmp_path, capsys, keep):
    for name in ("experiment/thesis", "data/train/mine", "specs/mine"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("years of work")
    before = left(Workspace(tmp_path))

    assert main(["clean", f"--workspace={tmp_path}", f"--keep={keep}"]) == 2
    assert f"{tmp_path} has data/train, and nothing says that it is" in capsys.readouterr().err
    assert left(Workspace(tmp_path)) == before


@pytest.mark.usefixtures("signals_as_before")
def test_specs_that_were_never_a_workspaces_stay_on_request_too(tmp_path):
    (tmp_path / "specs").mkdir()
    assert main(["clean", f"--workspace={tmp_path}", "--keep=0"]) == 2
    assert (tmp_path / "specs").exists()


@pytest.mark.usefixtures("signals_as_before")
def test_a_workspace_is_cleaned_again_and_again(room, capsys):
    verb = ["clean", f"--workspace={room.root}", "--recipe=smoke"]
    assert [main(verb), main(verb)] == [0, 0]
    assert "removed: nothing" in capsys.readouterr().out
