import hashlib
import os
from pathlib import Path

import pytest

from harness.errors import ConfigError, DataError
from harness.measure.import_dmon import import_dmon
from harness.measure.record_files import read_record
from probe.samples import read_samples

HEAD = "#Date Time gpu pwr gtemp sm\n"
AT = 1_656_936_000.0  # 2022-07-04 12:00:00 UTC


@pytest.fixture
def log(tmp_path):
    """Ten seconds at 100 W, half of them busy."""
    path = tmp_path / "dmon_1234.txt"
    lines = [f"20220704 12:00:{second:02} 0 100 40 {100 * (second >= 5)}\n" for second in range(10)]
    path.write_text(HEAD + "".join(lines) + "20220704 12:0")
    return path


def test_an_old_log_becomes_a_record_that_says_so(log, settings, tmp_path):
    (folder,) = import_dmon(log, settings(results=str(tmp_path / "results")))
    record = read_record(folder)

    assert folder.parent == tmp_path / "results" / "local"
    assert folder.name.startswith("20220704T120000Z-imported-")
    assert (record.case, record.status, record.started_utc) == ("imported", "ok", "2022-07-04T12:00:00.000Z")
    assert record.source.startswith("dmon_1234.txt, sha256 ")
    assert record.not_comparable == (f"imported from {record.source}: what ran is not known",)
    assert (record.machine, record.code, record.conditions) == (None, None, {})
    assert list(read_samples(folder)["unix_s"]) == [AT + second for second in range(10)]
    assert record.probe.faults[1:] == ("line 12, the last, has no end: it may be cut and is left out",)


def test_an_import_that_was_cut_short_is_made_again(log, settings, tmp_path):
    chosen = settings(results=str(tmp_path / "results"))
    (folder,) = import_dmon(log, chosen)
    text = (folder / "record.json").read_text()
    (folder / "record.json").rename(folder / "begun.json")
    (folder / "samples.csv.gz").write_bytes(b"")

    assert import_dmon(log, chosen) == (folder,)
    assert (folder / "record.json").read_text() == text
    assert len(read_samples(folder)["unix_s"]) == 10
    with pytest.raises(ConfigError, match="was imported before"):
        import_dmon(log, chosen)


def test_its_energy_is_power_times_time_where_it_is_covered_well_enough(log, settings, tmp_path):
    (folder,) = import_dmon(log, settings(results=str(tmp_path / "results")))
    record = read_record(folder)
    (energy,) = record.runs[0].energy

    assert {one.metric: one.mean for one in record.series}["gpu0_utilisation_pct"] == 50.0
    # Nine seconds lie between the ten samples, and ten were watched.
    assert (energy.device, energy.method, energy.energy_j, energy.coverage_pct) == (
        "gpu0",
        "integral",
        None,
        90,
    )

    minutes = [
        f"20220704 12:{second // 60:02}:{second % 60:02} 0 100 40 {50 * (second % 3)}\n"
        for second in range(120)
    ]
    log.write_text(HEAD + "".join(minutes))
    (folder,) = import_dmon(log, settings(results=str(tmp_path / "results")))
    (energy,) = read_record(folder).runs[0].energy

    assert (energy.energy_j, energy.coverage_pct) == (12_000.0, pytest.approx(100 * 119 / 120, abs=0.01))


def test_a_log_is_imported_once(log, settings, tmp_path):
    chosen = settings(results=str(tmp_path / "results"))
    (folder,) = import_dmon(log, chosen)
    with pytest.raises(ConfigError, match=f"was imported before, as {folder}"):
        import_dmon(log, chosen)


def test_a_pipe_is_named_with_the_digest_of_what_was_read(log, settings, tmp_path):
    # As `jamcam import-dmon <(cat dmon.txt)`: a second reader would find nothing in it.
    reader, writer = os.pipe()
    os.write(writer, log.read_bytes())
    os.close(writer)
    (folder,) = import_dmon(Path(f"/dev/fd/{reader}"), settings(results=str(tmp_path / "results")))
    os.close(reader)

    sha256 = hashlib.sha256(log.read_bytes()).hexdigest()
    assert read_record(folder).source == f"a pipe, sha256 {sha256[:12]}"
    assert len(read_samples(folder)["unix_s"]) == 10


def test_logs_of_two_hosts_in_one_file_become_two_records_of_one_bench(log, settings, tmp_path):
    text = log.read_text().rpartition("\n")[0] + "\n"
    log.write_text(text + text.replace(" 0 100 40 ", " 0 60 40 "))
    folders = import_dmon(log, settings(results=str(tmp_path / "results")))
    one, other = map(read_record, folders)

    # The same ten seconds on both: 100 W on the first host, 60 W on the second.
    assert [{each.metric: each.mean for each in found.series}["gpu0_power_w"] for found in (one, other)] == [
        100.0,
        60.0,
    ]
    assert one.started_utc == other.started_utc
    assert one.id != other.id
    assert one.bench == other.bench == one.id
    assert [found.source.rpartition(", ")[2] for found in (one, other)] == ["log 1 of 2", "log 2 of 2"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "joules"),
    [
        # Each GPU takes about 250 W for 30 s, unless its README says otherwise.
        *[(case, [[7500]]) for case in ("02-dmon-csv", "07-srun-label", "08-utf16-powershell")],
        *[(case, [[7500]]) for case in ("09-utf8-bom", "20-mig-gpm", "29-clock-jump-year", "32-gz")],
        ("06-two-hosts-concatenated", [[18_000] * 2, [6_000] * 2]),
        ("12-gpu-lost", [[7500, None]]),
        ("15-cut-in-last-cell", [[29 * 250]]),
        ("22-dst-forward", [[None]]),
        ("26-8gpus-paused", [[None] * 8]),
    ],
)
def test_logs_of_clusters_have_the_joules_of_what_they_show(shared, settings, tmp_path, case, joules):
    log = shared / "cases" / "cluster" / case / "dmon.txt"
    if not log.exists():
        pytest.skip(f"no {log}")
    folders = import_dmon(log, settings(results=str(tmp_path / "results")))

    told = [[one.energy_j for one in read_record(folder).runs[0].energy] for folder in folders]
    assert told == [[each and pytest.approx(each, rel=0.01) for each in part] for part in joules]


def test_a_file_that_is_not_there_is_named(settings, tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*nothing.txt: No such file or directory"):
        import_dmon(tmp_path / "nothing.txt", settings(results=str(tmp_path / "results")))
