"""Products that lie aside: nothing is lost wherever a run is killed, and nothing is believed unseen."""

import hashlib
import json
import os
import shutil

import pytest

from harness.files import digest_path, read_json
from harness.workspace.kept import (
    every_set,
    find,
    gather,
    install,
    kept_sets,
    make_room,
    put,
    size_bytes,
    summary,
)
from harness.workspace.layout import Workspace
from harness.workspace.marker import Product, digest_of, read_marker
from tests.harness.made import marker

# What two settings make, by path in the workspace: the spec as used has another name in each.
MADE = {
    "one": {
        "experiment/weights/a.pt": "weights of one",
        "experiment/weights/b.pt": "more of one",
        "experiment/one.txt": "spec of one",
    },
    "two": {"experiment/weights/a.pt": "weights of two", "experiment/two.txt": "spec of two"},
}
CHANGES = ("rename", "replace", "unlink", "rmdir", "mkdir")  # of the disk, as `os` has them


class Killed(BaseException):
    """The process is gone."""


def ingredients(name):
    return {"inputs": {"epochs": name}, "consumed": {}}


def marker_of(name, folder):
    names = sorted({"experiment/weights", f"experiment/{name}.txt"})
    products = [Product(path=path, digest=digest_path(folder / path)) for path in names]
    return marker("train", *products, fingerprint=digest_of(ingredients(name)))


def made(folder, name):
    """What an attempt leaves to be published."""
    for path, text in MADE[name].items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def publish(room, name):
    products = room.root / "attempt" / name
    if not products.exists():
        made(products, name)
    marker = marker_of(name, products)
    install(room, put(room, products, marker, ingredients(name)), marker, ingredients(name))


def take_back(room, name):
    kept = find(room, "train", digest_of(ingredients(name)), lambda other: False)
    assert kept
    assert kept.damage() == ""
    install(room, kept.folder, kept.marker, kept.ingredients)


def lying(room, name):
    """Where everything of those settings is, whole: "live", "aside", "attempt", or "" where it is not."""
    live = read_marker(room, "train")
    is_live = live and live.fingerprint == digest_of(ingredients(name))
    places = {"live": room.root, "aside": room.kept("train") / digest_of(ingredients(name))}
    places["attempt"] = room.root / "attempt" / name
    if not is_live:
        del places["live"]
    for place, folder in places.items():
        texts = {path: folder / path for path in MADE[name]}
        if all(path.is_file() and path.read_text() == MADE[name][at] for at, path in texts.items()):
            return place
    return ""


@pytest.fixture
def room(tmp_path):
    """A workspace where `one` is published."""
    (tmp_path / "workspace").mkdir()
    room = Workspace(tmp_path / "workspace")
    publish(room, "one")
    return room


@pytest.fixture
def kill_at(monkeypatch):
    """Ends what is run before its n-th change of the disk; returns whether it came so far."""

    def run(number, work):
        count = 0

        def guarded(change):
            def wrapper(*arguments, **names):
                nonlocal count
                count += 1
                if count == number:
                    raise Killed
                return change(*arguments, **names)

            return wrapper

        with monkeypatch.context() as patch:
            for name in CHANGES:
                patch.setattr(os, name, guarded(getattr(os, name)))
            try:
                work()
            except Killed:
                return True
            return False

    return run


def test_what_other_settings_made_is_set_aside_and_taken_back(room):
    publish(room, "two")
    assert (lying(room, "one"), lying(room, "two")) == ("aside", "live")
    assert not (room.experiment / "one.txt").exists()

    take_back(room, "one")
    assert (lying(room, "one"), lying(room, "two")) == ("live", "aside")
    assert read_json(room.marker_inputs("train")) == ingredients("one")
    assert [kept.folder.name for kept in every_set(room)] == [digest_of(ingredients("two"))]


def test_nothing_stays_aside_where_nothing_was_replaced(room):
    assert not (room.root / ".kept").exists()
    assert every_set(room) == []


@pytest.mark.parametrize("work", ["publish", "take back"])
def test_a_kill_at_any_moment_loses_nothing_and_leaves_no_half_state(room, tmp_path, kill_at, work):
    if work == "take back":
        publish(room, "two")
        take_back(room, "one")
    else:
        made(room.root / "attempt" / "two", "two")
    shutil.copytree(room.root, tmp_path / "before")
    ways = {"publish": publish, "take back": take_back}
    for number in range(1, 1000):
        shutil.rmtree(room.root)
        shutil.copytree(tmp_path / "before", room.root)
        if not kill_at(number, lambda: ways[work](room, "two")):
            break
        gather(room)

        assert lying(room, "one"), f"killed at change {number}"
        assert lying(room, "two"), f"killed at change {number}"
        again = {"attempt": publish, "aside": take_back}.get(lying(room, "two"))
        if again:
            again(room, "two")
        assert (lying(room, "one"), lying(room, "two")) == ("aside", "live"), f"killed at change {number}"
        assert len(every_set(room)) == 1, f"killed at change {number}"
    assert number > 10


def test_a_kill_while_a_recovery_moves_things_loses_nothing(room, tmp_path, kill_at):
    publish(room, "two")
    # As if killed in the middle of taking `one` back.
    room.marker("train").unlink()
    aside = room.kept("train") / digest_of(ingredients("two"))
    kept = find(room, "train", digest_of(ingredients("one")), lambda other: False)
    shutil.copytree(kept.folder, tmp_path / "one")
    aside.mkdir()
    shutil.copy(tmp_path / "one" / "marker.json", aside / "marker.json")
    table = json.loads((aside / "marker.json").read_text())
    entries = [
        {"path": product.path, **{key: getattr(product.digest, key) for key in ("bytes", "files", "sha256")}}
        for product in marker_of("two", room.root).products
    ]
    table |= {"fingerprint": aside.name, "products": entries}
    (aside / "marker.json").write_text(json.dumps(table))
    shutil.copytree(room.root, tmp_path / "before")
    for number in range(1, 100):
        shutil.rmtree(room.root)
        shutil.copytree(tmp_path / "before", room.root)
        cut_short = kill_at(number, lambda: gather(room))
        gather(room)
        assert (lying(room, "one"), lying(room, "two")) == ("aside", "aside"), f"killed at change {number}"
        if not cut_short:
            break
    assert number > 1


def test_what_nobody_vouches_for_is_set_aside_too_and_never_taken_back(room):
    room.marker("train").unlink()

    publish(room, "two")

    (kept,) = every_set(room)
    assert kept.folder.name.startswith("unmarked-")
    assert (kept.folder / "experiment" / "weights" / "a.pt").read_text() == "weights of one"
    assert (kept.is_whole(), kept.damage()) == (False, "no marker vouches for it")
    assert find(room, "train", kept.folder.name, lambda other: True) is None


def test_products_of_a_lost_marker_that_come_out_the_same_are_not_kept_twice(room):
    room.marker("train").unlink()

    publish(room, "one")

    assert lying(room, "one") == "live"
    assert every_set(room) == []


def test_products_of_the_same_settings_are_replaced(room):
    (room.experiment / "weights" / "a.pt").write_text("spoiled")

    publish(room, "one")

    assert lying(room, "one") == "live"
    assert every_set(room) == []


def spoil(folder, how, elsewhere):
    weights = folder / "experiment" / "weights"
    if how == "contents":
        (weights / "a.pt").write_text("WEIGHTS OF ONE")
    elif how == "link":
        shutil.move(weights, elsewhere / "weights")
        weights.symlink_to(elsewhere / "weights")
    elif how == "linked parent":
        shutil.move(folder / "experiment", elsewhere / "experiment")
        (folder / "experiment").symlink_to(elsewhere / "experiment")
    elif how == "odd":
        (weights / "folder").symlink_to(elsewhere)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("contents", "the contents of experiment/weights changed"),
        ("link", "experiment/weights leads elsewhere"),
        ("linked parent", "leads elsewhere"),
        ("odd", "experiment/weights: Is a directory"),
    ],
)
def test_a_set_that_is_not_as_it_was_says_so(room, tmp_path, how, words):
    publish(room, "two")
    (kept,) = every_set(room)

    spoil(kept.folder, how, tmp_path)

    assert words in kept.damage()


def test_a_set_that_is_not_whole_is_not_found(room):
    publish(room, "two")
    (kept,) = every_set(room)
    shutil.rmtree(kept.folder / "experiment" / "weights")

    assert find(room, "train", kept.folder.name, lambda other: True) is None


@pytest.mark.parametrize(
    "change", [{"fingerprint": "0" * 64}, {"stage": "vis"}, {"products": []}, {"schema_version": 9}]
)
def test_a_set_whose_marker_does_not_fit_is_not_found(room, change):
    publish(room, "two")
    (kept,) = every_set(room)
    table = json.loads((kept.folder / "marker.json").read_text())
    (kept.folder / "marker.json").write_text(json.dumps({**table, **change}))

    assert find(room, "train", kept.folder.name, lambda other: True) is None


def test_a_set_of_ingredients_that_mean_the_same_is_found(room):
    publish(room, "two")

    found = find(room, "train", "f" * 64, lambda other: other.ingredients == ingredients("one"))

    assert found
    assert found.folder.name == digest_of(ingredients("one"))
    (found.folder / "inputs.json").write_text(json.dumps({"inputs": "edited"}))
    assert find(room, "train", "f" * 64, lambda other: True) is None


def test_folders_that_are_no_sets_and_links_are_left_alone(room, tmp_path):
    (tmp_path / "precious").mkdir()
    room.kept("train").mkdir(parents=True)
    (room.kept("train") / ("a" * 64)).symlink_to(tmp_path / "precious")
    (room.kept("train") / "mine").mkdir()
    room.kept("vis").symlink_to(tmp_path / "precious")
    (tmp_path / "precious" / ("b" * 64)).mkdir()

    assert every_set(room) == []


def aside_of_sizes(room, **sizes_bytes):
    """Sets that were set aside in this order, each of one file."""
    for moment, (letter, size) in enumerate(sizes_bytes.items()):
        folder = room.kept("train") / (letter * 64)
        folder.mkdir(parents=True)
        (folder / "x").write_bytes(bytes(size))
        os.utime(folder, (moment, moment))
    return kept_sets(room, "train")


def test_the_sets_unused_for_longest_make_room(room):
    sets, said = aside_of_sizes(room, b=300, a=500, c=400), []

    make_room(room, sets, at_most_gib=900 / 2**30, say=said.append)

    assert [kept.folder.name[0] for kept in every_set(room)] == ["a", "c"]
    (line,) = said
    assert f"removed .kept/train/{'b' * 64}, unused for longest (0.0 MiB): more than" in line
    assert "(KEPT_GIB)" in line


def test_what_this_run_set_aside_stays_whatever_its_size(room):
    sets = aside_of_sizes(room, a=500, b=300)

    make_room(room, sets[:1], at_most_gib=0, say=lambda text: None)

    assert [kept.folder.name[0] for kept in every_set(room)] == ["b"]


def test_links_to_files_that_are_in_use_take_no_room(room):
    sets = aside_of_sizes(room, a=500)
    os.link(room.experiment / "weights" / "a.pt", sets[0].folder / "linked")
    os.link(sets[0].folder / "x", sets[0].folder / "again")

    assert size_bytes(sets) == 500
    assert summary(sets) == "1 set of products (train 1), 0.0 MiB"


def test_digests_are_of_what_was_made(room):
    expected = hashlib.sha256(b"spec of one").hexdigest()

    marker = read_marker(room, "train")

    assert {product.path: product.digest.sha256 for product in marker.products}[
        "experiment/one.txt"
    ] == expected
