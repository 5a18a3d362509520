import errno
import gzip
import hashlib
import json
import shutil
import zipfile
from dataclasses import replace

import pytest

from harness.errors import ConfigError, DataError
from harness.measure import record_archive
from harness.measure.comparability import reasons
from harness.measure.record_archive import add, pack
from harness.measure.record_files import begin_record, close_record, read_record
from tests.harness.made import machine, record, run

# What the file of jade in specs/platforms asks for: a GPU of this name, in a job of Slurm.
V100 = machine(gpus=1, name="Tesla V100-SXM2-32GB-LS")
JOB = {"SLURM_JOB_PARTITION": "big"}
SAMPLES = gzip.compress(b"unix_s,late_s,host_cpu_pct\n1.0,0.0,50\n", mtime=0)


def measured(**changes):
    return record(
        "train",
        platform="jade",
        machine=changes.pop("machine", V100),
        environment=changes.pop("environment", JOB),
        runs=[run(1, {"train_images_per_s": [100.0]})],
        **changes,
    )


def keep(results, one):
    folder = begin_record(results, one)
    close_record(folder, one)
    (folder / "samples.csv.gz").write_bytes(SAMPLES)
    (folder / "phases.jsonl").write_text(
        '{"run": 1, "phase": "epoch", "started_unix_s": 1.0, "duration_s": 2.0}\n'
    )
    return folder


@pytest.fixture
def sent(tmp_path):
    """An archive with one record of jade."""
    keep(tmp_path / "theirs", measured())
    pack(tmp_path / "theirs", "jade", tmp_path / "sent.zip")
    return tmp_path / "sent.zip"


def rewritten(path, change):
    """The archive with other contents, and a manifest that fits them: a sender can write any."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist() if name != "manifest.json"}
    change(contents)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", json.dumps({"format_version": 1, "files": digests}))
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def named(contents, ending):
    return next(name for name in contents if name.endswith(ending))


def test_a_record_arrives_as_it_was_sent_and_says_that_it_was_contributed(sent, tmp_path):
    one = measured()
    (folder,), there = add(sent, tmp_path / "ours")

    theirs = tmp_path / "theirs" / "jade" / one.id
    assert folder == tmp_path / "ours" / "jade" / one.id
    assert there == ()
    for name in ("record.json", "samples.csv.gz", "phases.jsonl"):
        assert (folder / name).read_bytes() == (theirs / name).read_bytes()
    found = read_record(folder)
    sha256 = hashlib.sha256(sent.read_bytes()).hexdigest()
    assert found.contributed == f"sent.zip, sha256 {sha256[:12]}"
    assert replace(found, contributed="") == read_record(theirs)
    assert reasons(found) == (), "it may be compared like any other"


def test_the_mark_is_ours_and_not_what_a_record_says_of_itself(tmp_path):
    folder = keep(tmp_path, measured(contributed="by me"))

    assert read_record(folder).contributed == ""


def test_the_same_records_pack_into_the_same_bytes(sent, tmp_path):
    pack(tmp_path / "theirs", "jade", tmp_path / "again.zip")

    assert (tmp_path / "again.zip").read_bytes() == sent.read_bytes()


def test_a_pack_that_finds_no_room_leaves_no_half_archive(sent, tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        pack(tmp_path / "theirs", "jade", tmp_path / "again.zip")
    assert [*tmp_path.glob("*again.zip*")] == []


def test_a_full_disk_is_no_fault_of_the_archive(sent, tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OSError, match="No space left") as error:
        add(sent, tmp_path / "ours")
    assert error.value.filename is not None


def test_a_record_that_is_there_is_left_and_another_of_its_name_is_refused(sent, tmp_path):
    (folder,), _ = add(sent, tmp_path / "ours")

    assert add(sent, tmp_path / "ours") == ((), (folder,))
    (folder / "phases.jsonl").write_text("")
    with pytest.raises(DataError, match="another record of that name is in "):
        add(sent, tmp_path / "ours")


def test_what_was_sent_in_imported_or_cut_short_is_not_packed(sent, tmp_path):
    add(sent, tmp_path / "ours")
    keep(tmp_path / "ours", measured(source="dmon.txt, sha256 0", started="2026-04-01T00:00:00Z"))
    begin_record(tmp_path / "ours", measured(started="2026-05-01T00:00:00Z"))

    with pytest.raises(ConfigError, match=r"no record in .* was measured as jade") as caught:
        pack(tmp_path / "ours", "jade", tmp_path / "more.zip")
    assert caught.value.remedy == "make bench PLATFORM=jade"
    with pytest.raises(ConfigError, match=r"sent.zip is there already"):
        pack(tmp_path / "theirs", "jade", sent)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"machine": machine()}, "expected a GPU called V100-SXM2-32GB-LS, found none"),
        ({"environment": {}}, "expected a job of slurm, found none"),
        ({"machine": None}, "it was imported: send the log itself"),
    ],
    ids=["another machine", "no job", "imported"],
)
def test_a_record_of_another_machine_is_not_one_of_the_platform(tmp_path, changes, complaint):
    keep(tmp_path / "theirs", measured(**changes))
    pack(tmp_path / "theirs", "jade", tmp_path / "sent.zip")

    with pytest.raises(DataError, match="is not of the platform jade") as caught:
        add(tmp_path / "sent.zip", tmp_path / "ours")
    assert complaint in caught.value.message
    assert not (tmp_path / "ours").exists()


@pytest.mark.parametrize("platform", ["local", "a-machine-that-nobody-knows"])
def test_records_of_any_machine_or_an_unknown_one_are_refused(tmp_path, platform):
    keep(tmp_path / "theirs", replace(measured(), platform=platform))
    pack(tmp_path / "theirs", platform, tmp_path / "sent.zip")

    with pytest.raises(DataError, match="specs/platforms"):
        add(tmp_path / "sent.zip", tmp_path / "ours")


def edited(contents, **keys):
    name = named(contents, "record.json")
    contents[name] = json.dumps({**json.loads(contents[name]), **keys}).encode()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda all_: all_.update({"../escape.txt": b""}), r"\.\./escape.txt"),
        (lambda all_: all_.update({"/etc/cron.d/x": b""}), "/etc/cron.d/x"),
        (lambda all_: all_.update({"jade/20260301T101500Z-train-0000/run.sh": b""}), "run.sh"),
        (lambda all_: all_.update({"withdrawn.toml": b""}), "withdrawn.toml"),
        (lambda all_: all_.pop(named(all_, "record.json")), "it has no record.json"),
        (lambda all_: edited(all_, platform="tursa"), "says it is tursa/"),
        (lambda all_: edited(all_, schema_version=99), "schema_version 99"),
        (lambda all_: edited(all_, a_new_key=1), "unknown key 'a_new_key'"),
        (lambda all_: edited(all_, runs="none"), "expected a list"),
        (lambda all_: all_.update({named(all_, "record.json"): b"[" * 100_000}), "RecursionError"),
        (lambda all_: all_.update({named(all_, "samples.csv.gz"): gzip.compress(b"a,b\n1\n")}), "lines of 2"),
        (lambda all_: all_.update({named(all_, "phases.jsonl"): b"\xff"}), "UnicodeDecodeError"),
        (lambda all_: all_.update({named(all_, "phases.jsonl"): b"[1]\n"}), "line 1 is not of a phase"),
    ],
)
def test_what_is_no_record_is_refused_and_nothing_is_written(sent, tmp_path, change, complaint):
    with pytest.raises(DataError, match=complaint):
        add(rewritten(sent, change), tmp_path / "ours")
    assert not (tmp_path / "ours").exists()
    assert not (tmp_path / "escape.txt").exists()


def test_one_bad_record_keeps_its_neighbours_out(sent, tmp_path):
    keep(tmp_path / "theirs", measured(started="2026-04-01T00:00:00Z", environment={}))
    both = tmp_path / "both.zip"
    pack(tmp_path / "theirs", "jade", both)

    with pytest.raises(DataError, match="expected a job of slurm"):
        add(both, tmp_path / "ours")
    assert not (tmp_path / "ours").exists()


def test_a_file_that_changed_on_its_way_is_named(sent, tmp_path):
    def damage(contents):
        contents["manifest.json"] = contents["manifest.json"].replace(b': "', b': "0', 1)

    with zipfile.ZipFile(sent) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    damage(contents)
    with zipfile.ZipFile(sent, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    with pytest.raises(DataError, match=r"has not the sha256 that manifest.json says"):
        add(sent, tmp_path / "ours")


def test_an_archive_that_would_fill_disk_or_memory_is_refused(sent, tmp_path, monkeypatch):
    monkeypatch.setattr(record_archive, "MOST_BYTES", 2000)
    with pytest.raises(DataError, match=r"more than .* MiB in a file"):
        add(sent, tmp_path / "ours")
    monkeypatch.undo()

    monkeypatch.setattr(record_archive, "MOST_SAMPLES_BYTES", 1 << 20)
    bomb = gzip.compress(b"0" * (4 << 20))
    packed = rewritten(sent, lambda all_: all_.update({named(all_, "samples.csv.gz"): bomb}))
    with pytest.raises(DataError, match=r"samples.csv.gz holds more than 1 MiB"):
        add(packed, tmp_path / "ours")


def test_two_who_add_at_once_both_find_the_record_there(sent, tmp_path, monkeypatch):
    copy = shutil.copytree

    def while_another_adds(source, target, **options):
        monkeypatch.setattr("shutil.copytree", copy)
        add(sent, tmp_path / "ours")
        return copy(source, target, **options)

    monkeypatch.setattr("shutil.copytree", while_another_adds)
    (folder,), _ = add(sent, tmp_path / "ours")

    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert read_record(folder).contributed.startswith("sent.zip, sha256 ")


def test_an_archive_without_a_record_is_refused(sent, tmp_path):
    with pytest.raises(DataError, match=r"sent.zip cannot be added: no record is in it"):
        add(rewritten(sent, dict.clear), tmp_path / "ours")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_archive_is_told_in_words(tmp_path, content):
    (tmp_path / "sent.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"sent.zip cannot be added"):
        add(tmp_path / "sent.zip", tmp_path / "ours")
    with pytest.raises(ConfigError, match=r"cannot read .*none.zip: No such file"):
        add(tmp_path / "none.zip", tmp_path / "ours")
