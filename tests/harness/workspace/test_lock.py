import pytest

from harness.workspace.layout import Workspace
from harness.workspace.lock import Holder, engines_of, holder_of, release, take, take_away

ME = Holder(host="here", pid=17, started="4711", slurm_job="99")
OTHER = Holder(host="here", pid=18, started="4712")


@pytest.fixture
def room(tmp_path):
    return Workspace(tmp_path / "workspace")


def test_a_lock_names_its_holder(room):
    take(room, ME)

    assert holder_of(room) == ME
    assert str(ME) == "process 17 on here (Slurm job 99)"


def test_a_lock_is_created_once(room):
    take(room, ME)

    with pytest.raises(FileExistsError):
        take(room, OTHER)


def test_a_lock_given_back_can_be_taken_again(room):
    take(room, ME)
    release(room)
    take(room, OTHER)

    assert holder_of(room) == OTHER


def test_only_the_lock_that_was_looked_at_is_taken_away(room):
    take(room, OTHER)

    assert not take_away(room, stale=ME)
    assert holder_of(room) == OTHER
    assert take_away(room, stale=OTHER)
    assert holder_of(room) is None


def test_taking_away_what_somebody_else_took_away_fails_quietly(room):
    room.root.mkdir()

    assert not take_away(room, stale=ME)


def test_a_lock_nobody_can_read_is_held_by_no_host_we_know(room):
    room.root.mkdir()
    room.lock.write_text("{")

    assert holder_of(room) == Holder(host="(unreadable lock)", pid=0, started="")


def test_engines_are_named_beside_the_lock_and_rubbish_is_passed_over(room):
    take(room, ME)
    room.engine_lock("train").write_text('{"pid": 5, "started": "1"}')
    room.engine_lock("eval").write_text("{")

    assert [(path.name, engine.pid) for path, engine in engines_of(room)] == [(".lock.train", 5)]
