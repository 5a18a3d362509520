import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness import generate_val_dataset

CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPT = CHECKOUT / "harness" / "generate_val_dataset.py"


@pytest.fixture
def folders(tmp_path):
    """Forty pairs with dots in their names."""
    for number in range(40):
        for content, ending in (("images", "jpg"), ("labels", "txt")):
            path = tmp_path / "train" / content / f"00001.{number:05d}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{content} {number}")
    return tmp_path


@pytest.fixture
def other_file_system(tmp_path):
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system at /dev/shm")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def options(folders, *more):
    train = folders / "train"
    named = [f"--input_image_dir={train / 'images'}", f"--input_label_dir={train / 'labels'}"]
    return [*named, f"--output_dir={folders / 'val'}", *more]


def start(folders, *more, python=sys.executable):
    """By path, in another folder, and without any installed package."""
    command = [python, "-I", "-S", str(SCRIPT), *options(folders, *more)]
    return subprocess.run(command, cwd=folders, capture_output=True, text=True, check=False)


def stems(folder):
    return {path.stem for path in folder.iterdir()} if folder.is_dir() else set()


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()
    }


def moved(folders):
    """Stems in val, after a look that pairs are whole and none is in both places or lost."""
    val, train = folders / "val", folders / "train"
    assert stems(val / "images") == stems(val / "labels")
    assert stems(train / "images") == stems(train / "labels")
    assert not stems(val / "images") & stems(train / "images")
    assert len(stems(val / "images") | stems(train / "images")) == 40
    return stems(val / "images")


def test_ten_percent_of_the_pairs_are_moved(folders):
    run = start(folders)

    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == f"done: 4 pairs moved to {folders / 'val'}\n"
    assert len(moved(folders)) == 4


@pytest.mark.parametrize("version", ["3.10", "3.12", "3.13"])
def test_any_python_will_do(folders, interpreter, version):
    run = start(folders, python=interpreter(version))

    assert (run.returncode, run.stderr) == (0, "")


def test_another_share_can_be_asked_for(folders):
    assert start(folders, "--val_split", "25").returncode == 0
    assert len(moved(folders)) == 10


def test_it_runs_as_a_module_too(folders):
    run = subprocess.run(
        [sys.executable, "-m", "harness.generate_val_dataset", *options(folders)], cwd=CHECKOUT, check=False
    )

    assert run.returncode == 0
    assert len(moved(folders)) == 4


def test_the_same_names_give_the_same_pairs_in_whatever_order_they_lie(folders, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    for path in sorted((folders / "train").rglob("*.*"), reverse=True):
        copy = other / path.relative_to(folders)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text())
    for place in (folders, other):
        generate_val_dataset.main(options(place))

    assert moved(folders) == moved(other)


def test_again_does_nothing_and_says_so(folders):
    start(folders)
    before = content(folders)

    run = start(folders)

    assert run.returncode == 0
    assert run.stdout.startswith("nothing to do: ")
    assert "4 pairs were moved" in run.stdout
    assert content(folders) == before


def test_an_interrupted_move_is_finished_by_the_next_run(folders):
    start(folders)
    whole = moved(folders)
    journal = folders / "val/val_split.json"
    journal.write_text(json.dumps({**json.loads(journal.read_text()), "finished": False}))
    for stem in sorted(whole)[:2]:  # as if these had not been moved yet
        (folders / f"val/images/{stem}.jpg").rename(folders / f"train/images/{stem}.jpg")
    (folders / f"val/labels/{min(whole)}.txt").rename(folders / f"train/labels/{min(whole)}.txt")

    run = start(folders)

    assert run.stdout.startswith("finished an interrupted split: 4 pairs")
    assert moved(folders) == whole


# The script, which is killed at the move of a number that stands ahead of its arguments.
KILLED = """
import itertools, os, runpy, shutil, signal, sys

last, sys.argv = int(sys.argv[1]), sys.argv[2:]
moves, move = itertools.count(), shutil.move


def move_or_die(*places):
    if next(moves) == last:
        os.kill(os.getpid(), signal.SIGKILL)
    return move(*places)


shutil.move = move_or_die
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("moves", [0, 3, 54, 60, 107])
def test_a_killed_run_is_finished_by_the_next_one(tmp_path, moves):
    killed, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    for place in (killed, undisturbed):
        for kind, ending in (("images", "jpg"), ("labels", "txt")):
            (place / "train" / kind).mkdir(parents=True)
            for number in range(60):
                (place / "train" / kind / f"{number}.{ending}").write_text("x")
    generate_val_dataset.main(options(undisturbed, "--val_split=90"))
    script = [str(SCRIPT), *options(killed, "--val_split=90")]
    run = subprocess.run([sys.executable, "-c", KILLED, str(moves), *script], check=False)
    assert run.returncode == -signal.SIGKILL
    assert sum(len(stems(killed / "val" / kind)) for kind in ("images", "labels")) == moves < 2 * 54

    again = subprocess.run([sys.executable, *script], stdout=subprocess.DEVNULL, check=False)
    assert again.returncode == 0

    for folder in ("train/images", "train/labels", "val/images", "val/labels"):
        assert stems(killed / folder) == stems(undisturbed / folder)


def test_pairs_can_be_moved_to_another_file_system(folders, other_file_system):
    run = start(folders, f"--output_dir={other_file_system}")

    assert run.returncode == 0, run.stderr
    assert len(stems(other_file_system / "images")) == len(stems(other_file_system / "labels")) == 4
    assert len(stems(folders / "train/images")) == len(stems(folders / "train/labels")) == 36


@pytest.mark.parametrize("share", ["0", "100", "-5", "x", "10.5", ""])
def test_a_share_that_is_none_is_a_usage_error(folders, share):
    before = content(folders)

    run = start(folders, f"--val_split={share}")

    assert run.returncode == 2
    assert f"found {share!r}, expected a whole number from 1 to 99" in run.stderr
    assert content(folders) == before


def test_pictures_and_labels_without_partner_are_named_and_nothing_moves(folders):
    (folders / "train/labels/00001.00003.txt").unlink()
    (folders / "train/images/00001.00007.jpg").unlink()
    before = content(folders)

    run = start(folders)

    assert run.returncode == 1
    assert "2 file(s) without partner" in run.stderr
    assert "00001.00003.jpg has no label" in run.stderr
    assert "00001.00007.txt has no picture" in run.stderr
    assert content(folders) == before


def test_two_pictures_of_one_name_are_refused(folders):
    (folders / "train/images/00001.00003.png").write_text("x")

    run = start(folders)

    assert run.returncode == 1
    assert "00001.00003.jpg and 00001.00003.png share one label" in run.stderr


def test_a_folder_that_is_not_there_is_named(folders):
    run = start(folders, f"--input_label_dir={folders / 'gone'}")

    assert run.returncode == 1
    assert f"no folder at {folders / 'gone'}" in run.stderr


def test_files_in_the_way_are_never_mixed_with(folders):
    (folders / "val/images").mkdir(parents=True)
    (folders / "val/images/somebodys.jpg").write_text("x")

    run = start(folders)

    assert run.returncode == 1
    assert "holds files already" in run.stderr
    assert stems(folders / "val/images") == {"somebodys"}


def test_another_share_after_a_split_is_refused(folders):
    start(folders)

    run = start(folders, "--val_split=50")

    assert run.returncode == 1
    assert "tells of 10 % of" in run.stderr
    assert len(moved(folders)) == 4


def test_one_pair_cannot_be_split(folders):
    for path in [*(folders / "train").rglob("*.*")]:
        if path.stem != "00001.00000":
            path.unlink()

    run = start(folders)

    assert run.returncode == 1
    assert "expected two or more" in run.stderr


def test_help_tells_the_workflows_options():
    run = subprocess.run([sys.executable, str(SCRIPT), "--help"], capture_output=True, text=True, check=False)

    for option in ("--input_image_dir", "--input_label_dir", "--output_dir", "--val_split PCT"):
        assert option in run.stdout
    assert "(default: 10)" in run.stdout
