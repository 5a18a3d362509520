import gzip
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.errors import ConfigError
from harness.measure.record_files import begin_record, close_record
from harness.report import redraw as reporting
from harness.report.redraw import load, redraw
from probe.samples import SampleFile
from tests.harness.made import START_UNIX_S, machine, record, run

# A `sitecustomize` that hides matplotlib and pandas from a Python started with it.
BASE_INSTALL = Path(__file__).parents[2] / "fakes" / "base_install"
OLD, NEW = "20260101T000000Z-aaaa", "20260201T000000Z-bbbb"


@pytest.fixture
def results(tmp_path):
    """Two benches of one platform, equally fast."""
    folder = tmp_path / "results"
    keep(folder, bench(OLD, 100.0), bench(NEW, 100.0))
    return folder


def bench(name, rate, **words):
    rates = [rate * part for part in (0.98, 0.99, 1.0, 1.01, 1.02)]
    return record("train", rates, bench=name, started=f"{name[:4]}-{name[4:6]}-01T00:00:00Z", **words)


def keep(folder, *records):
    for one in records:
        close_record(begin_record(folder, one), one)


def said_by(action, *arguments, **words):
    lines = []
    action(*arguments, **words, say=lines.append)
    return "\n".join(lines)


def test_plots_are_drawn_once_and_again_when_something_is_new(results):
    assert "drawn: " in said_by(redraw, results)
    before = {path.name: path.stat().st_mtime_ns for path in (results / "plots").iterdir()}
    assert sorted(before) == ["drawn.json", "throughput-sample.png", "throughput-sample.svg"]

    assert said_by(redraw, results) == f"nothing new: the plots show what is in {results}"
    assert {path.name: path.stat().st_mtime_ns for path in (results / "plots").iterdir()} == before

    (results / "plots" / "throughput-sample.png").write_bytes(b"painted over")
    assert "drawn: " in said_by(redraw, results)


def test_a_record_that_was_withdrawn_is_not_drawn_any_more(results):
    said_by(redraw, results)
    ids = [f'"local/{one.id}" = "a mistake"\n' for one in load(results, say=print)]
    (results / "withdrawn.toml").write_text("".join(ids))
    said_by(redraw, results)

    assert [path.name for path in (results / "plots").iterdir()] == ["drawn.json"]


def test_results_that_are_not_there_are_refused_and_empty_ones_are_nothing_to_draw(tmp_path):
    with pytest.raises(ConfigError, match=r"there is no folder .*none to draw from"):
        said_by(redraw, tmp_path / "none")
    assert not (tmp_path / "none").exists()

    (tmp_path / "none").mkdir()
    said_by(redraw, tmp_path / "none")
    assert json.loads((tmp_path / "none" / "plots" / "drawn.json").read_text())["pictures"] == {}


def test_what_is_no_record_is_named_and_the_rest_is_drawn(results):
    (results / "local" / "half").mkdir()
    (results / "local" / "half" / "record.json").write_text('{"schema_version": 1, "id')
    newer = results / "local" / "newer" / "record.json"
    newer.parent.mkdir()
    newer.write_text('{"schema_version": 99}')
    (results / "local" / "notes.txt").write_text("a file of somebody")

    said = said_by(redraw, results)
    assert said.count("passed over: ") == 3
    assert "schema_version 99, this harness reads up to 1 (try: take a newer harness)" in said
    assert (results / "plots" / "throughput-sample.png").exists()


def test_samples_that_cannot_be_read_cost_one_plot_and_no_other(results):
    chain = record("chain", runs=[run(1, {"epoch_loss": [2.0, 1.0]})])
    keep(results, chain)
    broken = gzip.compress(b"unix_s,late_s,host_cpu_pct\n1772360121.0,0.0,50\n1772360122.0\n")
    (results / "local" / chain.id / "samples.csv.gz").write_bytes(broken)

    assert "samples.csv.gz does not hold lines of 3 numbers" in said_by(redraw, results)
    assert sorted(path.name for path in (results / "plots").glob("*.png")) == [
        "learning-sample.png",
        "throughput-sample.png",
    ]


def test_lines_that_are_no_phases_are_not_drawn(results):
    chain = record("chain", runs=[run(1, {}, duration_s=2.0)])
    keep(results, chain)
    with SampleFile(results / "local" / chain.id, ["host_cpu_pct"]) as samples:
        samples.add(START_UNIX_S + 21, 0.0, [50.0])
    (results / "local" / chain.id / "phases.jsonl").write_text('[1, 2]\n{"run": 1}\n"epoch"\n{"run": 1, "pha')

    assert "timeline-local" in said_by(redraw, results)


def test_numbers_that_are_none_do_not_stop_the_drawing(results):
    odd = record("train", [123.0], platform="odd")
    path = begin_record(results, odd) / "begun.json"
    table = json.loads(path.read_text())
    table["runs"][0]["measurements"][0]["values"] = [float("nan"), float("inf"), None]
    (path.parent / "record.json").write_text(json.dumps(table))

    assert "throughput-sample" in said_by(redraw, results)


def plots(results, checkout, **environment):
    """What `jamcam plots` prints, and its exit status."""
    command = [sys.executable, "-m", "harness", "plots", f"--results={results}"]
    done = subprocess.run(
        command,
        cwd=checkout,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout, done.returncode


@pytest.mark.parametrize("drawn_before", [False, True])
def test_on_a_base_install_plots_says_what_is_missing_and_how_to_get_it(results, checkout, drawn_before):
    if drawn_before:
        said_by(redraw, results)

    printed, status = plots(results, checkout, PYTHONPATH=str(BASE_INSTALL))

    assert status == 2
    assert "Traceback" not in printed
    assert "nothing can be drawn without matplotlib and pandas: " in printed
    assert "pip install -e '.[report]'" in printed


def test_the_backend_of_a_notebook_in_the_environment_does_not_stop_the_drawing(results, checkout):
    # What Jupyter exports; the module that it names is not installed beside the harness.
    printed, status = plots(
        results, checkout, MPLBACKEND="module://matplotlib_inline_of_a_notebook.backend_inline"
    )

    assert (status, printed.count("Traceback")) == (0, 0), printed
    assert (results / "plots" / "throughput-sample.svg").exists()


def test_what_the_pictures_depend_on_is_in_their_digest(checkout):
    imported = {
        f"measure/{name.split('.')[2]}.py"
        for path in (checkout / "harness" / "report").glob("*.py")
        for name in re.findall(r"^from (harness\.measure\.\w+) import", path.read_text(), re.MULTILINE)
    }

    assert {name for name in reporting.SHOWN_BY if name.startswith("measure/")} >= imported


@pytest.mark.slow
def test_a_thousand_records_of_ten_thousand_samples_are_drawn_in_ten_seconds(tmp_path):
    results = thousand_records(tmp_path / "results")
    first, second = cost_of_drawing(results), cost_of_drawing(results)

    assert first["cpu_s"] < 10
    assert second["cpu_s"] < 2
    assert first["peak_bytes"] < 1.5 * 2**30
    assert len(list((results / "plots").glob("timeline-*.png"))) == 5


def cost_of_drawing(results):
    """A process of its own is asked: one that tests share remembers the memory of all that ran in it before.

    Processor time, which other tests at work beside this one do not lengthen.
    VmHWM and not `ru_maxrss`, which a program keeps from the process that started it.
    """
    code = """
import json, sys, time
from pathlib import Path
from harness.report.redraw import redraw
before_s = time.process_time()
redraw(Path(sys.argv[1]), say=lambda line: None)
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
peak_bytes = int(status["VmHWM"].split()[0]) * 1024
print(json.dumps({"cpu_s": time.process_time() - before_s, "peak_bytes": peak_bytes}))
"""
    ended = subprocess.run([sys.executable, "-c", code, results], check=True, capture_output=True, text=True)
    return json.loads(ended.stdout)


def thousand_records(results):
    rng = np.random.default_rng(0)
    watched = results / "sampled"
    watched.mkdir(parents=True)
    names = [
        "host_cpu_pct",
        "tree_rss_bytes",
        "gpu0_utilisation_pct",
        "gpu0_memory_used_bytes",
        "gpu0_power_w",
    ]
    with SampleFile(watched, names) as file:
        for beat in range(10_000):
            file.add(START_UNIX_S + 20 + beat / 10, 0.0, rng.uniform(0, 100, len(names)).tolist())
    for number in range(1000):
        case = ("chain", "train", "evaluate", "inference")[number % 4]
        name = {"chain": "epoch_loss", "train": "train_images_per_s"}.get(case, "images_per_s")
        runs = [run(n, {name: rng.uniform(90, 110, 50).tolist()}, duration_s=1000.0) for n in range(1, 6)]
        one = record(case, runs=runs, platform=f"platform-{number % 5}", machine=machine(gpus=1))
        one = replace(one, id=f"20260301T101500Z-{case}-{number:04x}")
        keep(results, one)
        (results / one.platform / one.id / "samples.csv.gz").hardlink_to(watched / "samples.csv.gz")
    (watched / "samples.csv.gz").unlink()
    watched.rmdir()
    return results


def test_the_section_of_the_readme_is_that_of_the_records(checkout):
    from harness.report import page
    from harness.report.pictures import read_section

    expected = reporting.section(load(reporting.RESULTS, say=print))
    assert read_section(checkout / "README.md", page.BEGIN, page.END) == expected, "make plots puts it right"
