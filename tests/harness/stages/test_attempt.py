import errno
import json
import os

import pytest

from harness.engine.request import Request
from harness.errors import DataError, StageFailed
from harness.process.signals import Interrupted
from harness.stages.attempt import Attempt, early_end, read_outcome
from harness.workspace.leftovers import KEPT_ATTEMPTS


@pytest.fixture
def begin(settings, workspace):
    def make(stage="export", fingerprint="f00d"):
        return Attempt.begin(stage, fingerprint=fingerprint, settings=settings())

    return make


def request_of(attempt):
    results = attempt.folder / "export"
    target = attempt.staged("experiment/export/model.onnx")
    words = ("-o", str(target), "--results_dir", str(results))
    return Request(subcommand="export", arguments=words, results=results)


def test_an_attempt_notes_its_request(begin):
    attempt = begin()

    table = json.loads((attempt.folder / "request.json").read_text())
    assert (table["stage"], table["fingerprint"], table["argv"]) == ("export", "f00d", [])
    assert attempt.folder.parent == attempt.workspace.attempts / "export"


def test_what_is_said_is_shown_and_kept(begin, capsys):
    attempt = begin()
    attempt.say("one\ntwo")

    assert capsys.readouterr().out == "export | one\nexport | two\n"
    assert attempt.log.read_text() == "one\ntwo\n"


def test_an_engine_that_succeeds_leaves_its_argument_list_and_no_lock(begin):
    attempt = begin()
    request = request_of(attempt)
    request.results.parent.mkdir(exist_ok=True)

    attempt.ask(request)

    (argv,) = json.loads((attempt.folder / "request.json").read_text())["argv"]
    assert argv[1:] == ["export", *request.arguments]
    assert not attempt.workspace.engine_lock("export").exists()


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("crash", "export: yolo_v4 export ended with exit status 1 and said FAILURE at last: out of memory"),
        ("sulk", "export: yolo_v4 export said FAILURE at last: training was interrupted"),
    ],
)
def test_an_engine_that_fails_is_quoted(begin, monkeypatch, how, expected):
    attempt = begin()
    monkeypatch.setenv("FAKE_YOLO_V4", f"export={how}")

    with pytest.raises(StageFailed) as caught:
        attempt.ask(request_of(attempt))

    assert caught.value.message == expected
    assert str(attempt.log) in caught.value.remedy


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (DataError("bad label", remedy="mend it"), ("failed", "bad label", 1)),
        (OSError(28, "No space left on device", "x"), ("failed", "export: No space left on device at x", 1)),
        (NotADirectoryError(20, "Not a directory", "x"), ("failed", "export: Not a directory: x", 1)),
        (ValueError("odd"), ("failed", "export: ValueError: odd", 1)),
        (ImportError("of another Python"), ("failed", "a package cannot be imported: of another Python", 1)),
        (Interrupted(15), ("interrupted", "export: interrupted by signal 15 (SIGTERM)", 143)),
    ],
)
def test_how_it_ended_is_noted_in_words_for_another_process(begin, error, expected):
    attempt = begin()
    attempt.failed(error)

    outcome = read_outcome(attempt.folder)
    assert (outcome["status"], outcome["message"], outcome["exit_status"]) == expected
    assert outcome["remedy"]


@pytest.mark.parametrize(
    ("number", "room"),
    [
        (errno.ENOSPC, "make room (what lies in .kept of the workspace may go), then jamcam export"),
        (errno.EDQUOT, "make room (what lies in .kept of the workspace may go), then jamcam export"),
        (errno.EACCES, "make room or access, then jamcam export"),
    ],
)
def test_where_there_is_no_room_products_that_lie_aside_are_named(number, room):
    error = OSError(number, os.strerror(number), "x")

    assert early_end(error, stage="export", again="jamcam export")["remedy"] == room


def test_an_attempt_that_never_ended_has_no_outcome(begin):
    assert read_outcome(begin().folder) is None


def test_earlier_tries_of_the_same_fingerprint_are_found_newest_first(begin):
    first, other, second, now = begin(), begin(fingerprint="beef"), begin(), begin()

    assert now.earlier() == [second.folder, first.folder]
    assert other.folder not in now.earlier()


def test_after_success_old_tries_hold_what_they_tell_and_none_holds_products(begin):
    attempts = [begin() for _ in range(KEPT_ATTEMPTS + 2)]
    for attempt in attempts:
        attempt.staged("experiment/x").write_text("product")
        (attempt.folder / "export.txt").write_text("a spec")
    attempts[-1].succeeded()

    whole = sorted(path.parent for path in attempts[-1].folder.parent.glob("*/export.txt"))
    assert whole == [attempt.folder for attempt in attempts[-KEPT_ATTEMPTS:]]
    for old in attempts[:-KEPT_ATTEMPTS]:
        assert sorted(path.name for path in old.folder.iterdir()) == ["request.json"]
    assert not list(attempts[-1].folder.parent.glob("*/products"))
    assert read_outcome(attempts[-1].folder)["status"] == "done"


def test_two_numbers_of_threads_leave_two_numerics_classes_in_markers(begin, monkeypatch):
    told = []
    for threads in ("1", "2"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        attempt = begin()
        attempt.ask(request_of(attempt))
        told.append(attempt.marker((), {}, None).numerics)

    assert [[each["threads"] for each in numerics] for numerics in told] == [[1], [2]]
