"""The package as pip installs it: built at a known commit, and used by a stranger in any folder."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from harness import __version__

pytest.importorskip("torch", reason="the portable engine needs torch")
pytestmark = pytest.mark.slow

PACKAGES = ("harness", "made_frames", "probe", "yolo_v4")
CARRIED = ("bench", "constraints.txt", "luigi.cfg", "pyproject.toml", "specs")
STAGES = ("download", "verify", "gen-valid", "tune-bdb", "convert-data", "train", "eval", "vis", "export")
# Somebody who owns nothing here, if root runs the tests.
SOMEBODY = {} if os.getuid() else {"user": 65534, "group": 65534, "extra_groups": []}
VERSION = ".".join(map(str, sys.version_info[:2]))
BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"


def run(*command, **how):
    ended = subprocess.run(command, capture_output=True, text=True, check=False, **how)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    return ended.stdout


@pytest.fixture(scope="module")
def room():
    """A folder that an ordinary user can read; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="package-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def sources(checkout, room):
    """What git has of this checkout, in a repository with one commit; and additions of a person."""
    if not (checkout / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout, so there is no list of its files")
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=checkout)
    folder = room / "sources"
    for name in filter(None, listed.split("\0")):
        if (checkout / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(checkout / name, folder / name)
    told = ("user.name=Somebody", "user.email=somebody@example.org", "commit.gpgsign=false")
    named = [word for each in told for word in ("-c", each)]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        run("git", *named, *words, cwd=folder)
    (folder / "specs" / "platforms" / "jade.mine.toml").write_text('account = "secret-project"\n')
    (folder / "container" / "portable.sif").write_bytes(b"an image")
    return folder


@pytest.fixture(scope="module")
def files(sources):
    """Paths of all files that git has."""
    return set(filter(None, run("git", "ls-files", "-z", cwd=sources).split("\0")))


@pytest.fixture(scope="module")
def commit(sources):
    return run("git", "rev-parse", "HEAD", cwd=sources).strip()


def built(kind, sources, target):
    """A wheel or an sdist of some sources, by setuptools as pip calls it, and without a network."""
    copy = target / "build"
    shutil.copytree(sources, copy)
    printed = run(sys.executable, "-c", BUILD, kind, str(target), cwd=copy)
    shutil.rmtree(copy)
    return target / printed.splitlines()[-1]


@pytest.fixture(scope="module")
def sdist(sources, room):
    (room / "sdist").mkdir()
    return built("build_sdist", sources, room / "sdist")


@pytest.fixture(scope="module")
def wheel(sources, room):
    (room / "wheel").mkdir()
    return built("build_wheel", sources, room / "wheel")


def test_a_wheel_has_every_file_of_the_packages_and_what_they_need(wheel, files):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}

    carried = {f"harness/carried/{name}" for name in files if name.split("/")[0] in CARRIED}
    of_packages = {name for name in files if name.split("/")[0] in PACKAGES}
    assert names == {"harness/carried/commit.json", *carried, *of_packages}


def test_an_sdist_has_every_file_that_git_has_but_those_for_git(sdist, files):
    top = f"jamcam_harness-{__version__}/"
    with tarfile.open(sdist) as archive:
        names = {member.name.removeprefix(top) for member in archive.getmembers() if member.isfile()}

    made = {"PKG-INFO", "setup.cfg", "commit.json"}
    assert {name for name in names if ".egg-info/" not in name} == made | {
        name for name in files if not name.startswith(".git")
    }


def test_a_wheel_made_from_an_sdist_is_the_same(wheel, sdist, room):
    (room / "again").mkdir()
    with tarfile.open(sdist) as archive:
        archive.extractall(room / "again", **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (room / "second").mkdir()
    second = built("build_wheel", room / "again" / f"jamcam_harness-{__version__}", room / "second")

    contents = []
    for path in (wheel, second):
        with zipfile.ZipFile(path) as archive:
            contents.append({name: archive.read(name) for name in archive.namelist()})
    assert contents[0] == contents[1]


def test_an_editable_install_is_a_line_that_names_the_checkout_and_carries_nothing(sources, room):
    (room / "editable").mkdir()
    with zipfile.ZipFile(built("build_editable", sources, room / "editable")) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
        assert names == [f"__editable__.jamcam_harness-{__version__}.pth"]
        assert archive.read(names[0]).decode().splitlines() == [str(room / "editable" / "build")]


def test_what_a_package_index_shows_is_true_and_names_no_address(wheel, checkout):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        known = Parser().parsestr(archive.read(name).decode())

    holder = re.search(r"Copyright \(c\) \d+ (.+)", (checkout / "LICENSE").read_text())[1]
    assert (known["Name"], known["Version"], known["Author"]) == ("jamcam-harness", __version__, holder)
    assert (known["License-Expression"], known["License-File"]) == ("MIT", "LICENSE")
    pythons = {line for line in known.get_all("Classifier") if re.search(r"Python :: 3\.\d", line)}
    assert pythons == {f"Programming Language :: Python :: 3.{minor}" for minor in (10, 11, 12, 13)}
    assert not {"Author-email", "Maintainer-email", "Home-page"} & {*known}


@pytest.fixture(scope="module")
def python():
    """A Python of this version, with venv, that an ordinary user can start."""
    fit = f"import sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != {VERSION!r})"
    on_path = [shutil.which(f"python{VERSION}", path=path) for path in ("/usr/local/bin", "/usr/bin")]
    for candidate in filter(None, [os.path.realpath(sys.executable), *on_path]):
        try:
            tried = subprocess.run([candidate, "-c", fit], capture_output=True, check=False, **SOMEBODY)
        except OSError:
            continue
        if tried.returncode == 0:
            return candidate
    return pytest.skip(f"no Python {VERSION}, with venv, that an ordinary user can start")


@pytest.fixture(scope="module")
def home():
    with tempfile.TemporaryDirectory() as folder:
        if SOMEBODY:
            os.chown(folder, SOMEBODY["user"], SOMEBODY["group"])
        yield Path(folder)


@pytest.fixture(scope="module")
def programs(home, python, room, wheel):
    """Where an ordinary user's pip has put the wheel; other packages are those of the tests."""
    others = room / "others"
    others.mkdir()
    for place in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for path in Path(place).iterdir():
            if not re.match(r"__editable__|jamcam_harness|__pycache__|.*\.pth$", path.name):
                (others / path.name).symlink_to(path)
    names = {"PATH": "/usr/bin:/bin", "HOME": str(home)}
    run(python, "-m", "venv", "--without-pip", home / "venv", env=names, cwd="/", **SOMEBODY)
    (site,) = (home / "venv").glob("lib/python*/site-packages")
    (site / "others.pth").write_text(f"{others}\n")
    inside = home / "venv" / "bin" / "python"
    readable = subprocess.run([inside, "-c", "import torch"], cwd="/", env=names, check=False, **SOMEBODY)
    if readable.returncode:
        pytest.skip("an ordinary user cannot read the packages of this environment")
    run(inside, "-m", "pip", "install", "--no-index", "--no-deps", wheel, cwd="/", env=names, **SOMEBODY)
    return home / "venv" / "bin"


@pytest.fixture(scope="module")
def folder(home):
    """An empty one."""
    place = home / "empty"
    place.mkdir()
    if SOMEBODY:
        os.chown(place, SOMEBODY["user"], SOMEBODY["group"])
    return place


@pytest.fixture(scope="module")
def installed(programs, home, folder):
    """Runs an installed program as that user in the empty folder, or in another one; what it printed."""

    def call(program, *words, status=0, cwd=folder):
        names = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(home), "OMP_NUM_THREADS": "1"}
        command = [programs / program, *words]
        ended = subprocess.run(
            command, cwd=cwd, env=names, capture_output=True, text=True, check=False, **SOMEBODY
        )
        assert ended.returncode == status, ended.stdout[-3000:] + ended.stderr[-3000:]
        return ended.stdout + ended.stderr

    return call


@pytest.fixture(scope="module")
def chain(installed, folder):
    """What the whole chain printed, and its workspace."""
    return installed("jamcam", "all", "--recipe=smoke"), folder / "workspace"


def test_a_stranger_runs_all_nine_stages_in_an_empty_folder(chain, installed, folder):
    printed, _ = chain

    assert "\nexported model: " in printed
    shown = json.loads(installed("jamcam", "status", "--recipe=smoke", "--json"))
    assert [(each["stage"], each["state"]) for each in shown["stages"]] == [(name, "done") for name in STAGES]
    assert [path.name for path in folder.iterdir()] == ["workspace"]
    assert installed("jamcam", "all", "--recipe=smoke").count("nothing to do: download") == 1


def test_what_the_stranger_gets_is_what_a_checkout_gives(chain, checkout):
    """Of products that are the same on every machine."""
    golden = (checkout / "tests" / "system" / "smoke_products.txt").read_text()
    expected = dict(re.findall(r"^\S+ revision \d+: (\S+): ([0-9a-f]{64})$", golden, re.MULTILINE))
    markers = [json.loads((chain[1] / ".markers" / f"{stage}.json").read_text()) for stage in STAGES]
    made = {each["path"]: each["sha256"] for marker in markers for each in marker["products"]}

    assert len(expected) > 5
    assert {path: made.get(path) for path in expected} == expected


def test_markers_and_the_program_itself_name_the_commit_and_that_nothing_was_changed(
    chain, installed, commit
):
    marker = json.loads((chain[1] / ".markers" / "train.json").read_text())

    assert (marker["harness_version"], marker["git_commit"]) == (__version__, commit)
    said = installed("jamcam", "--version")
    assert said == f"jamcam {__version__}, commit {commit}, not changed since\n"


def test_a_changed_file_of_the_installed_package_is_told(programs, installed, commit):
    (path,) = programs.parent.glob("lib/python*/site-packages/probe/table.py")
    before = path.read_bytes()
    path.write_bytes(before + b"# mine\n")
    try:
        said = installed("jamcam", "--version")
    finally:
        path.write_bytes(before)

    assert said == f"jamcam {__version__}, commit {commit}, changed since: probe/table.py\n"


def test_the_stranger_packs_the_run_and_another_one_reproduces_it(chain, installed, folder, home):
    """From weights that were packed, so that nothing is trained a second time."""
    installed("jamcam", "crate", "--recipe=smoke", "--with=weights,data", home / "run.zip")
    place = home / "another"
    place.mkdir()
    if SOMEBODY:
        os.chown(place, SOMEBODY["user"], SOMEBODY["group"])

    printed = installed("jamcam", "reproduce", home / "run.zip", "--only=eval,export", cwd=place)

    assert "reproduced: same bytes" in printed
    (receipt,) = place.rglob("receipt.json")
    told = json.loads(receipt.read_text())
    assert (told["verdict"], told["level"]) == ("yes", "same bytes")
    assert told["there"]["facts"]["commit"] == told["here"]["facts"]["commit"]
    assert (told["there"]["facts"]["sources_changed"], told["here"]["facts"]["sources_changed"]) == (
        False,
        False,
    )
    again = json.loads(installed("jamcam", "reproduce", receipt, "--json", cwd=place))
    assert again["receipt"] == told


def test_every_program_starts(installed):
    assert "usage: yolo_v4" in installed("yolo_v4", "-h")
    assert "usage: " in installed("python", "-m", "made_frames", "-h")
    assert json.loads(installed("python", "-m", "probe", "describe", "--json"))["cores"] >= 1
    assert installed("jamcam", "completion", "bash").startswith("# Completion of jamcam for bash")


def test_looking_works_in_any_folder(installed):
    platforms = json.loads(installed("jamcam", "platforms", "--json"))["platforms"]
    assert {"local", "jade", "isambard-ai"} <= {each["name"] for each in platforms}
    assert "#SBATCH --account=me" in installed("jamcam", "plan", "--platform=isambard-ai", "--account=me")
    assert "no sampel.toml in" in installed("jamcam", "all", "--recipe=sampel", status=2)


MICRO = """
import sys
from pathlib import Path
from harness.measure import micro
from harness.settings.load import load_settings
settings = load_settings({"recipe": "smoke"}, {})
assert not micro.missing(settings), micro.missing(settings)
print(sorted({each.of.partition("[")[0] for each in micro.run(settings, Path(sys.argv[1])).measurements}))
"""


def test_the_operations_that_a_bench_times_are_in_the_package(chain, installed, home, checkout):
    place = home / "micro"
    place.mkdir()
    if SOMEBODY:
        os.chown(place, SOMEBODY["user"], SOMEBODY["group"])
    timed = {
        name.removeprefix("test_")
        for path in (checkout / "bench").glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE)
    }

    assert installed("python", "-c", MICRO, place).strip() == str(sorted(timed))
    assert (place / "micro.json").exists()


def test_records_are_drawn_and_compared_in_any_folder(installed, home, checkout):
    place = home / "measured"
    shutil.copytree(checkout / "tests" / "fixtures" / "results", place / "results")
    for path in [place, *place.rglob("*")] if SOMEBODY else []:
        os.chown(path, SOMEBODY["user"], SOMEBODY["group"])

    assert "drawn: " in installed("jamcam", "plots", cwd=place)
    assert list((place / "results" / "plots").glob("throughput-*.svg"))
    assert "nothing new" in installed("jamcam", "plots", cwd=place)
    assert "it ended early" in installed("jamcam", "compare", "--a=local", "--b=local", status=5, cwd=place)
    assert {path.name for path in place.iterdir()} == {"results"}


def test_the_recipes_of_the_package_are_not_written_to(installed):
    said = installed("jamcam", "seeds", "--recipe=smoke", status=2)

    assert "is of the installed package, where the band of smoke belongs" in said
    assert "copy the recipe to a folder of yours" in said


def test_in_a_checkout_its_recipes_are_used_and_a_line_says_so(installed, sources, home):
    place = home / "checkout"
    shutil.copytree(sources / "specs", place / "specs")
    (place / "harness").mkdir()
    for name in ("harness/own_files.py", "pyproject.toml"):
        shutil.copy(sources / name, place / name)
    recipe = place / "specs" / "recipes" / "smoke.toml"
    recipe.write_text(re.sub(r"^epochs = \d+", "epochs = 77", recipe.read_text(), flags=re.MULTILINE))

    said = installed("jamcam", "show-config", "--recipe=smoke", cwd=place)
    assert re.search(r"^epochs +77 +recipe smoke$", said, re.MULTILINE)
    assert f"jamcam: specs and defaults are those of the checkout {place}\n" in said
    said = installed("jamcam", "show-config", "--recipe=smoke", cwd=home)
    assert re.search(r"^epochs +2 +recipe smoke$", said, re.MULTILINE)
    assert "checkout" not in said


@pytest.mark.skipif(sys.version_info < (3, 11), reason="before 3.11 Python has no safe path")
def test_files_of_others_in_the_folder_are_never_run(installed, home):
    place = home / "unpacked"
    for package in ("probe", "made_frames", "yolo_v4", "harness"):
        (place / package).mkdir(parents=True)
        (place / package / "__init__.py").write_text("raise SystemExit('code of others was run')\n")
    if SOMEBODY:
        os.chown(place, SOMEBODY["user"], SOMEBODY["group"])

    installed("jamcam", "download", "--recipe=smoke", cwd=place)
    assert "code of others" not in installed("jamcam", "doctor", "--recipe=smoke", cwd=place)
