import math

import numpy as np
import pytest

from probe.samples import SAMPLES, SampleFile, SamplesError, is_total, read_columns, read_samples, unit_of


def test_nan_and_nothing_are_the_same_in_the_file(tmp_path):
    with SampleFile(tmp_path, ["a", "b"]) as file:
        file.add(1.0, 0.0, [None, float("nan")])

    assert all(math.isnan(read_columns(tmp_path)[name][0]) for name in "ab")


def test_columns_come_back_as_they_went_in(tmp_path):
    with SampleFile(tmp_path, ["a_s", "b_w"]) as file:
        file.add(1.25, 0.001, [1, 2.5])
        file.add(2.25, 0.002, [3, 1e12])

    columns = read_columns(tmp_path)
    assert {name: [*values] for name, values in columns.items()} == {
        "unix_s": [1.25, 2.25],
        "late_s": [0.001, 0.002],
        "a_s": [1.0, 3.0],
        "b_w": [2.5, 1e12],
    }
    assert all(np.array_equal(values, columns[name]) for name, values in read_samples(tmp_path).items())


def test_where_there_is_no_file_there_are_no_columns(tmp_path):
    assert read_columns(tmp_path) == {}


@pytest.mark.parametrize("line", ["1,2,3,4", "1,2", "1,2,three"])
def test_a_line_that_is_none_is_refused_with_what_to_do(tmp_path, line):
    with SampleFile(tmp_path, ["a"]) as file:
        file.add(1.0, 0.0, [1.0])
        file._lines.append(line)

    with pytest.raises(SamplesError, match=f"{SAMPLES} does not hold lines of 3 numbers") as caught:
        read_columns(tmp_path)
    assert caught.value.remedy == f"remove {tmp_path}"


def test_the_end_of_a_name_is_its_unit():
    names = [
        "gpu0_power_w",
        "pcie_sent_bytes_per_s",
        "tree_rss_bytes",
        "probe_cpu_total_s",
        "load_1min",
        "cpu_mhz",
    ]

    assert [unit_of(name) for name in names] == ["W", "bytes/s", "bytes", "s", "", "MHz"]
    assert [is_total(name) for name in names] == [False, False, False, True, False, False]
