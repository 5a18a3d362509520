import json
import math
import shutil

import numpy as np
import pytest

from harness.errors import ConfigError, DataError
from harness.measure.record import Measurement, Run
from harness.measure.record_files import (
    add_run,
    begin_record,
    close_record,
    read_phases,
    read_record,
    read_records,
    read_references,
)
from probe.samples import SampleFile, read_samples

CLOSED, CUT = "20260301T101500Z-train-1a2b", "20260302T090000Z-evaluate-9f8e"


@pytest.fixture
def results(checkout, tmp_path):
    """A copy of the records made by hand: one closed, one cut short."""
    return shutil.copytree(checkout / "tests" / "fixtures" / "results", tmp_path / "results")


def test_a_closed_record_is_read_as_it_was_written(results):
    record = read_record(results / "local" / CLOSED)

    assert (record.status, len(record.runs), record.machine.gpus[0].name) == ("ok", 4, "A made-up GPU")
    assert record.runs[0].energy[0].method == "counter"


def test_a_record_cut_short_reads_as_truncated_with_what_was_finished(results):
    record = read_record(results / "local" / CUT)

    assert (record.status, record.reason, len(record.runs)) == ("truncated", "it was cut short", 1)
    assert record.values("evaluate_images_per_s") == (41.5,)


def test_samples_are_columns_and_those_cut_off_end_with_the_last_whole_line(results):
    whole, cut = (read_samples(results / "local" / name) for name in (CLOSED, CUT))

    assert [len(column) for column in whole.values()] == [7] * 9
    assert [len(column) for column in cut.values()] == [6] * 9
    assert np.isnan(whole["gpu0_power_w"][3])
    assert whole["gpu0_power_w"][0] == 60


def test_a_begun_record_grows_run_by_run_and_is_closed_once(results, tmp_path):
    template = read_record(results / "local" / CLOSED)
    record = type(template)(**{**{name: getattr(template, name) for name in template.__slots__}, "runs": ()})
    run = Run(
        number=1,
        started_unix_s=1.0,
        duration_s=2.0,
        probed=True,
        images=8,
        measurements=(Measurement(name="command_s", values=(2.0,)),),
    )
    folder = begin_record(tmp_path, record)
    phase = {"run": 1, "phase": "epoch", "started_unix_s": 1.0, "duration_s": 2.0}
    add_run(folder, run, [phase])

    assert read_record(folder).runs == (run,)
    assert read_record(folder).status == "truncated"
    assert read_phases(folder) == [phase]

    close_record(folder, record)
    assert read_record(folder) == record
    assert sorted(path.name for path in folder.iterdir()) == ["phases.jsonl", "record.json"]
    with pytest.raises(FileExistsError):
        close_record(folder, record)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda table: {**table, "schema_version": 2}, "has schema_version 2, this harness reads up to 1"),
        (lambda table: {**table, "verdicts": 1}, "unknown key 'verdicts'"),
        (lambda table: {**table, "status": "fine"}, "and fine"),
        (lambda table: {**table, "id": "another"}, "says it is local/another"),
        (lambda table: {**table, "runs": [{"number": "one"}]}, "runs 0: number: found 'one'"),
        (lambda table: [table], "is no record: TypeError"),
        (
            lambda table: {**table, "observed": {**table["observed"], "other_cpu_pct": math.nan}},
            "NaN is no number",
        ),
        (
            lambda table: {**table, "observed": {**table["observed"], "start_temperature_c": math.inf}},
            "Infinity is",
        ),
    ],
)
def test_what_is_no_record_is_named_and_passed_over(results, damage, complaint):
    path = results / "local" / CLOSED / "record.json"
    path.write_text(json.dumps(damage(json.loads(path.read_text()))))

    with pytest.raises(DataError, match=complaint):
        read_record(path.parent)
    records, unreadable = read_records(results)
    assert [record.id for record in records] == [CUT]
    assert len(unreadable) == 1
    assert complaint in unreadable[0]


@pytest.mark.parametrize("content", [b"[" * 100_000, b"\xff\xfe{", b"", b"null"])
def test_what_cannot_be_read_at_all_is_named_and_keeps_no_other_record_out(results, content):
    (results / "local" / CLOSED / "record.json").write_bytes(content)

    records, (line,) = read_records(results)

    assert [record.id for record in records] == [CUT]
    assert f"{CLOSED}/record.json is no record: " in line


def test_lines_that_cannot_be_read_are_no_finished_runs(results):
    (results / "local" / CUT / "runs.jsonl").write_bytes(b"\xff\xfe\n" + b"[" * 100_000 + b"\n")
    assert read_record(results / "local" / CUT).runs == ()


def test_half_written_and_foreign_files_are_passed_over(results):
    (results / "local" / CLOSED / "record.json").write_text('{"schema_ver')
    (results / "local" / "notes").mkdir()
    (results / "plots").mkdir()
    (results / "README").write_text("hello")

    records, unreadable = read_records(results)

    assert [record.id for record in records] == [CUT]
    assert len(unreadable) == 2


def test_a_withdrawn_record_is_not_read(results):
    (results / "withdrawn.toml").write_text(f'"local/{CLOSED}" = "measured while a backup was running"\n')

    assert [record.id for record in read_records(results)[0]] == [CUT]


def test_a_list_of_withdrawn_records_that_cannot_be_read_is_named(results):
    (results / "withdrawn.toml").write_text(f'"local/{CLOSED}" = measured while a backup was running\n')

    with pytest.raises(ConfigError, match=r"withdrawn\.toml is not TOML: "):
        read_records(results)


def test_references_name_a_bench_for_each_platform(results):
    assert read_references(results) == {}
    (results / "references.toml").write_text('local = "20260301T101200Z-7c4e"\n')
    assert read_references(results) == {"local": "20260301T101200Z-7c4e"}


def test_no_results_are_no_records(tmp_path):
    assert read_records(tmp_path / "nothing") == ((), ())


def test_samples_of_nothing_are_empty(tmp_path):
    assert read_samples(tmp_path) == {}


def test_samples_go_on_behind_a_file_that_was_cut_off(results):
    folder = results / "local" / CUT
    with SampleFile(folder, ["gpu0_power_w", "another"]) as file:
        file.add(1772442090.0, 0.0, [99.0, 1.0])

    samples = read_samples(folder)
    assert [len(column) for column in samples.values()] == [7] * 9
    assert samples["gpu0_power_w"][-1] == 99.0
    assert np.isnan(samples["host_cpu_pct"][-1])


def test_a_finished_run_that_is_none_makes_no_record(results):
    (results / "local" / CUT / "runs.jsonl").write_text('{"number": "one"}\n')

    with pytest.raises(DataError, match="number: found 'one'"):
        read_record(results / "local" / CUT)
