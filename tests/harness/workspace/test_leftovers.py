"""What stays of old attempts, and what killed runs left half written."""

import itertools
import os
import time

import pytest

from harness.files import write_json
from harness.workspace.layout import Workspace
from harness.workspace.leftovers import (
    KEPT_ATTEMPTS,
    KEPT_PRODUCTS_DAYS,
    LOG_HEAD_BYTES,
    prune_attempts,
    sweep_half_written,
)


@pytest.fixture
def attempt(tmp_path):
    """Make the folder of an attempt, younger than all before, with something that it had made."""

    numbers = itertools.count()

    def make(fingerprint="beef", product="experiment/weights/epoch_1.pt", name=None):
        folder = tmp_path / "train" / (name or f"20260101T000000.{next(numbers):06}-1")
        write_json(folder / "request.json", {"fingerprint": fingerprint})
        (folder / ".reserve").write_bytes(bytes(10))
        (folder / "train.txt").write_text("a spec")
        if product:
            (folder / "products" / product).parent.mkdir(parents=True)
            (folder / "products" / product).write_text("weights")
        return folder

    return make


def left(folder):
    """The attempts that are whole, beside `folder`."""
    return sorted(path.parent for path in folder.parent.glob("*/train.txt"))


def test_a_try_that_failed_strips_the_oldest_as_one_that_is_done_does(attempt):
    tries = [attempt(product=None) for _ in range(KEPT_ATTEMPTS + 2)]

    prune_attempts(tries[-1], succeeded=False)

    assert left(tries[-1]) == tries[-KEPT_ATTEMPTS:]


def test_what_an_old_try_tells_stays(attempt):
    old = attempt()
    for name in ("outcome.json", "products/experiment/status.json"):
        write_json(old / name, {"status": "failed"})
    (old / "console.log").write_bytes(b"starting: of old\n" + bytes(10 * LOG_HEAD_BYTES))
    for _ in range(KEPT_ATTEMPTS):
        last = attempt("short")
        prune_attempts(last, succeeded=False)
    assert (old / "train.txt").exists()  # of its fingerprint it made most
    prune_attempts(attempt(), succeeded=True)

    assert sorted(path.relative_to(old).as_posix() for path in old.rglob("*") if path.is_file()) == [
        *("console.log", "outcome.json", "products/experiment/status.json", "request.json")
    ]
    assert (old / "console.log").stat().st_size == LOG_HEAD_BYTES
    assert (old / "console.log").read_bytes().startswith(b"starting: of old\n")


def test_links_and_files_among_the_attempts_are_left_alone(attempt, tmp_path):
    own = attempt()
    precious = tmp_path / "elsewhere" / "products" / "precious"
    precious.parent.mkdir(parents=True)
    precious.write_text("of somebody else")
    write_json(tmp_path / "elsewhere" / "request.json", {"fingerprint": "beef"})
    (own.parent / "20250101T000000.0-1").symlink_to(tmp_path / "elsewhere")
    (own.parent / "notes.txt").write_text("mine")

    prune_attempts(own, succeeded=True)

    assert precious.read_text() == "of somebody else"
    assert (own.parent / "notes.txt").read_text() == "mine"
    assert not (own / "products").exists()


def test_a_training_cut_short_outlives_any_number_of_failures_of_other_settings(attempt):
    long = attempt("long")
    for _ in range(2 * KEPT_ATTEMPTS):
        last = attempt("typo")
        prune_attempts(last, succeeded=False)

    assert (long / "products" / "experiment" / "weights" / "epoch_1.pt").exists()
    assert len(left(last)) == KEPT_ATTEMPTS + 1


def test_what_is_kept_of_trainings_cut_short_is_bounded(attempt):
    for number in range(4 * KEPT_ATTEMPTS):
        last = attempt(f"settings {number}")
        prune_attempts(last, succeeded=False)

    assert len(left(last)) == KEPT_ATTEMPTS


def test_a_training_that_is_done_leaves_the_checkpoints_of_other_settings(attempt):
    other, same, own = attempt("long"), attempt("short"), attempt("short")

    prune_attempts(own, succeeded=True)

    assert [(folder / "products").exists() for folder in (other, same, own)] == [True, False, False]


def test_products_that_nobody_went_on_from_for_a_month_are_removed(attempt):
    old, first = attempt("long"), attempt("short")
    then = time.time() - (KEPT_PRODUCTS_DAYS + 1) * 86400
    os.utime(old / "request.json", (then, then))

    prune_attempts(first, succeeded=False)
    assert (old / "products").exists()  # until another try confirms what the clock said at the first one
    own = attempt("short")
    prune_attempts(own, succeeded=False)

    assert not (old / "products").exists()
    assert (own / "products").exists()


def test_a_clock_that_is_ahead_during_one_try_removes_nothing_then_nor_later(attempt, monkeypatch):
    kept, own = attempt("long"), attempt("short")
    ahead = time.time() + 400 * 86400
    os.utime(own / "request.json", (ahead, ahead))
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: ahead + 60)
        prune_attempts(own, succeeded=False)
    assert (kept / "products").exists()

    prune_attempts(attempt("short"), succeeded=False)  # the clock is right again

    assert (kept / "products").exists()


def test_a_try_that_lasted_for_months_keeps_what_it_made(attempt):
    own = attempt("long")
    then = time.time() - 3 * KEPT_PRODUCTS_DAYS * 86400
    os.utime(own / "request.json", (then, then))

    prune_attempts(own, succeeded=False)

    assert (own / "products").exists()


def test_an_attempt_stays_although_others_have_names_of_a_later_time(attempt):
    for number in range(KEPT_ATTEMPTS + 2):
        attempt(name=f"2199010{number + 1}T000000.000000-1")  # the clock was ahead once
    own = attempt()

    prune_attempts(own, succeeded=True)

    assert own in left(own)
    assert len(left(own)) == KEPT_ATTEMPTS


def test_of_one_training_the_try_that_came_furthest_is_kept_though_another_has_a_later_name(attempt):
    attempt("long", name="21990101T000000.000000-1")
    furthest = attempt("long")
    (furthest / "products" / "experiment" / "weights" / "epoch_2.pt").write_text("weights")
    for _ in range(KEPT_ATTEMPTS + 1):
        last = attempt("typo")
        prune_attempts(last, succeeded=False)

    assert (furthest / "products" / "experiment" / "weights" / "epoch_2.pt").exists()


def test_space_that_killed_tries_reserved_is_given_back(attempt):
    killed, own = attempt(), attempt()

    prune_attempts(own, succeeded=False)

    assert not (killed / ".reserve").exists()


def test_files_that_a_killed_run_was_writing_are_removed_and_no_others(workspace):
    room = Workspace(workspace)
    for name in (".markers/.vis.json.17.part", ".lock.17.part", "specs/.spec.txt.4.part"):
        (room.root / name).parent.mkdir(parents=True, exist_ok=True)
        (room.root / name).write_text("half")
    for name in (".markers/vis.json", "data/.frames.zip.part", "specs/my.17.part"):
        (room.root / name).parent.mkdir(parents=True, exist_ok=True)
        (room.root / name).write_text("of use")

    sweep_half_written(room)

    files = {path.relative_to(room.root).as_posix() for path in room.root.rglob("*") if path.is_file()}
    assert files == {".markers/vis.json", "data/.frames.zip.part", "specs/my.17.part"}
