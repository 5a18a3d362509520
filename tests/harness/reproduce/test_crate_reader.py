import contextlib
import io
import json
import random
import shutil
import stat
import zipfile

import pytest

from harness.errors import DataError
from harness.reproduce.crate_reader import unpack
from harness.reproduce.source import read_run
from tests.harness.reproduce.crates import METADATA, contents_of, edited, packed, rewritten

TRAIN, METRICS = ".markers/train.json", "experiment/metrics.json"


@pytest.fixture(scope="module")
def sent(finished_workspace, tmp_path_factory):
    target = tmp_path_factory.mktemp("sent") / "street.zip"
    packed(finished_workspace, target)
    return target


@pytest.fixture
def crate(sent, tmp_path):
    """A crate that a test may change."""
    return shutil.copyfile(sent, tmp_path / "street.zip")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "unpacked").mkdir()
    return tmp_path / "unpacked"


def complaint(crate, folder):
    with pytest.raises(DataError) as caught:
        unpack(crate, folder)
    return caught.value.message


def test_a_crate_is_read_as_the_run_that_was_packed(sent, finished_workspace, folder):
    there, here = unpack(sent, folder), read_run(finished_workspace)

    assert (there.kind, there.name, there.folder) == ("crate", "street", folder)
    assert (there.facts, there.packages, there.scores) == (here.facts, here.packages, here.scores)
    assert (there.ingredients, there.digest) == (here.ingredients, here.digest)
    assert {stage: marker.products for stage, marker in there.markers.items()} == {
        stage: marker.products for stage, marker in here.markers.items()
    }
    assert (folder / METRICS).read_bytes() == (finished_workspace / METRICS).read_bytes()
    assert not (folder / "experiment" / "weights").exists()


def test_what_was_asked_for_arrives_with_its_contents(finished_workspace, tmp_path, folder):
    packed(finished_workspace, tmp_path / "all.zip", wanted=("weights", "data"))

    unpack(tmp_path / "all.zip", folder)

    for name in ("experiment/weights", "data/train/tfrecords", "experiment/export"):
        files = sorted(path.name for path in (finished_workspace / name).iterdir())
        assert files
        for file in files:
            assert (folder / name / file).read_bytes() == (finished_workspace / name / file).read_bytes()


def test_a_crate_that_was_unpacked_and_packed_again_in_a_folder_is_read(crate, folder, tmp_path):
    contents = contents_of(crate)
    with zipfile.ZipFile(tmp_path / "again.zip", "w") as archive:
        for name, content in contents.items():
            archive.writestr(f"street/{name}", content)
        archive.writestr("__MACOSX/street/._workflow.json", b"a shadow")

    assert unpack(tmp_path / "again.zip", folder).markers.keys() == unpack_again(crate, tmp_path)


def unpack_again(crate, tmp_path):
    (tmp_path / "once more").mkdir()
    return unpack(crate, tmp_path / "once more").markers.keys()


def test_paths_of_windows_are_read_as_paths(crate, folder):
    contents = contents_of(crate)
    metadata = json.loads(contents[METADATA])
    for entity in metadata["@graph"]:
        if entity["@type"] == "File":
            entity["@id"] = entity["@id"].replace("/", "\\")
    contents[METADATA] = json.dumps(metadata).encode()
    with zipfile.ZipFile(crate, "w") as archive:
        for name, content in contents.items():
            info = zipfile.ZipInfo("x")
            info.filename = name.replace("/", "\\")  # the constructor would turn it around
            archive.writestr(info, content)

    assert unpack(crate, folder).scores
    assert (folder / METRICS).is_file()


def newer(table):
    table["schema_version"] = 2


def of_other_data(table):
    table["consumed"]["convert-data"] = "0" * 64


def of_another_seed(table):
    table["inputs"]["seed"] = "43"


def better(table):
    table["mAP"] = 0.99


CHANGES = {
    "a byte": (lambda c: c.update({METRICS: c[METRICS].replace(b"0", b"1", 1)}), False),
    "a score, told": (lambda c: edited(c, METRICS, better), True),
    "a setting, told": (lambda c: edited(c, ".markers/inputs/train.json", of_another_seed), True),
    "a chain, told": (lambda c: edited(c, TRAIN, of_other_data), True),
    "a newer marker": (lambda c: edited(c, TRAIN, newer), True),
    "a newer crate": (lambda c: edited(c, "workflow.json", newer), True),
    "a file less": (lambda c: c.pop(METRICS), True),
    "a file more": (lambda c: c.update({"experiment/run_me.sh": b"rm"}), True),
    "no metadata": (lambda c: c.pop(METADATA), False),
    "metadata that are no JSON": (lambda c: c.update({METADATA: b"{"}), False),
    "metadata without end": (lambda c: c.update({METADATA: b"[" * 100_000}), False),
    "a graph of anything": (lambda c: c.update({METADATA: b'{"@graph": [1, {"@type": 2}, null]}'}), False),
}
WORDS = {
    "a byte": f"{METRICS} was changed: it has not the sha256 that {METADATA} says",
    "a score, told": f"what it holds does not belong together:\n  the contents of {METRICS} changed",
    "a setting, told": "what it holds does not belong together:\n"
    "  what went into train has not the fingerprint that its marker says",
    "a chain, told": "what it holds does not belong together:\n"
    "  train was made from other products of convert-data than its marker names",
    "a newer marker": f"{TRAIN} proves nothing: it cannot be understood",
    "a file less": f"its files are not those that {METADATA} describes:\n  {METRICS} is missing",
    "a file more": f"its files are not those that {METADATA} describes:\n"
    "  experiment/run_me.sh is not described",
    "no metadata": f"it has no {METADATA}",
    "metadata that are no JSON": f"{METADATA} is not JSON: JSONDecodeError: ",
    "metadata without end": f"{METADATA} is not JSON: RecursionError: ",
    "a graph of anything": f"{METADATA} tells of no workflow.json: it is the crate of another program",
}


@pytest.mark.parametrize("name", WORDS)
def test_a_crate_that_was_changed_is_refused_in_words(crate, folder, name):
    change, told = CHANGES[name]
    rewritten(crate, change, told=told and METADATA in contents_of(crate))

    assert complaint(crate, folder).startswith(f"street.zip is refused as a crate: {WORDS[name]}")


def test_a_crate_of_a_newer_schema_is_refused_with_what_to_take(crate, folder):
    rewritten(crate, CHANGES["a newer crate"][0])

    with pytest.raises(DataError) as caught:
        unpack(crate, folder)
    assert caught.value.message == "street.zip is a crate of schema 2, this harness reads 1"
    assert caught.value.remedy == "take a harness as new as the one that packed it"


@pytest.mark.parametrize(
    "told", ["../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "C:\\Users\\anna\\x", "a/%2e%2e/x", ""]
)
def test_a_crate_that_names_a_place_outside_is_refused(crate, folder, told):
    def change(contents):
        edited(
            contents,
            METADATA,
            lambda table: table["@graph"].append({"@id": told, "@type": "File", "sha256": "0" * 64}),
        )

    rewritten(crate, change, told=False)

    assert complaint(crate, folder) == (
        f"street.zip is refused as a crate: {METADATA} names {told!r}, which is outside of the crate"
    )
    assert [*folder.iterdir()] == []


def test_a_described_file_that_no_run_leaves_is_not_unpacked(crate, folder):
    def change(contents):
        contents["home/.bashrc"] = b"evil"
        edited(
            contents, METADATA, lambda table: table["@graph"].append({"@id": "home/.bashrc", "@type": "File"})
        )

    rewritten(crate, change)

    assert "home/.bashrc is nothing that a run leaves" in complaint(crate, folder)


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ("../../evil", "'../../evil', a path that leaves the archive's folder"),
        ("/evil", "'/evil', a path that leaves the archive's folder"),
    ],
)
def test_a_member_outside_is_refused(crate, folder, member, words):
    with zipfile.ZipFile(crate, "a") as archive:
        archive.writestr(member, b"evil")

    assert words in complaint(crate, folder)
    assert [*folder.iterdir()] == []


def test_a_link_in_a_crate_is_refused(crate, folder):
    with zipfile.ZipFile(crate, "a") as archive:
        info = zipfile.ZipInfo("experiment/link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")

    assert "'experiment/link', a link or device" in complaint(crate, folder)


def test_a_member_that_unpacks_to_a_hundred_times_its_size_is_refused(crate, folder):
    with zipfile.ZipFile(crate, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("experiment/bomb.json", bytes(64 << 20))

    assert "experiment/bomb.json" in complaint(crate, folder)
    assert [*folder.iterdir()] == []


def test_half_a_crate_is_refused_for_what_it_is(crate, folder):
    content = crate.read_bytes()
    crate.write_bytes(content[: len(content) // 2])

    assert "a truncated zip archive" in complaint(crate, folder)


def test_a_crate_of_another_program_is_refused_for_what_it_is(crate, folder):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        graph = [{"@id": "./", "@type": "Dataset"}, {"@id": "packed.cwl", "@type": "File"}]
        archive.writestr(METADATA, json.dumps({"@graph": graph}))
        archive.writestr("packed.cwl", "{}")
    crate.write_bytes(buffer.getvalue())

    assert "it is the crate of another program" in complaint(crate, folder)


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_file_is_refused_or_read_as_what_it_was(sent, tmp_path, folder, seed):
    chance = random.Random(seed)
    content = bytearray(sent.read_bytes())
    place = chance.randrange(len(content))
    damage = chance.choice(["bit", "zeros", "lost", "twice"])
    if damage == "bit":
        content[place] ^= 1 << chance.randrange(8)
    elif damage == "zeros":
        content[place : place + 8] = bytes(len(content[place : place + 8]))
    elif damage == "lost":
        del content[place : place + chance.randrange(1, 2000)]
    else:
        content[place:place] = content[place : place + chance.randrange(1, 200)]
    (tmp_path / "street.zip").write_bytes(content)
    (tmp_path / "whole").mkdir()

    with contextlib.suppress(DataError):
        assert unpack(tmp_path / "street.zip", folder).digest == unpack(sent, tmp_path / "whole").digest


def places_in(value, way=()):
    yield way
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places_in(each, (*way, key))


@pytest.mark.parametrize("seed", range(40))
def test_an_odd_value_anywhere_in_its_tables_ends_in_words_or_changes_nothing(crate, folder, seed):
    chance = random.Random(seed)
    odd = chance.choice([None, True, -1, 1e308, "", [], {}, "x" * 300, "../x", {"@id": 5}, [[]], "\x1b"])

    def change(contents):
        name = chance.choice([METADATA, *(name for name in contents if name.endswith(".json"))])
        table = json.loads(contents[name])
        *way, last = chance.choice([place for place in places_in(table) if place])
        inner = table
        for key in way:
            inner = inner[key]
        inner[last] = odd
        contents[name] = json.dumps(table).encode()

    with contextlib.suppress(KeyError, TypeError):  # what `rewritten` needs of the metadata is gone
        rewritten(crate, change)
    with contextlib.suppress(DataError):
        assert unpack(crate, folder).kind == "crate"
