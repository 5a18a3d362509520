import pytest

from probe.dmon import read_dmon
from probe.errors import ProbeError
from probe.log_text import read_log

# As `nvidia-smi dmon -o TD -s puct -d 1` of driver 510 prints it; 1,656,936,000 is 2022-07-04 12:00:00 UTC.
NAMES = "#Date       Time        gpu   pwr gtemp mtemp    sm   mem   enc   dec  mclk  pclk rxpci txpci\n"
UNITS = "#YYYYMMDD   HH:MM:SS    Idx     W     C     C     %     %     %     %   MHz   MHz  MB/s  MB/s\n"
FIRST = " 20220704   12:00:00      0    61    33    31    10     2     0     0  1215  1410     5    12\n"
SECOND = " 20220704   12:00:01      0   305    48     -    97    41     0     0  1215  1395   800    20\n"
AT = 1_656_936_000.0


@pytest.fixture
def logs(tmp_path):
    """Reads a file with that text."""

    def read(text):
        path = tmp_path / "dmon_1234.txt"
        path.write_text(text)
        return read_dmon(read_log(path))

    return read


@pytest.fixture
def log(logs):
    """Reads a file that holds one log."""

    def read(text):
        (found,) = logs(text)
        return found

    return read


def second(at, power_w=100, *, gpu=0, minute=0):
    """A line of one GPU at 12:<minute>:<at>."""
    return f" 20220704 12:{minute:02}:{at:02} {gpu} {power_w} 40 - 90 20 0 0 1593 1410 12 9\n"


def test_a_line_is_a_beat_in_our_units_and_names(log):
    assert log(NAMES + UNITS + FIRST).beats == (
        (
            AT,
            {
                "gpu0_power_w": 61.0,
                "gpu0_temperature_c": 33.0,
                "gpu0_memory_temperature_c": 31.0,
                "gpu0_utilisation_pct": 10.0,
                "gpu0_memory_busy_pct": 2.0,
                "gpu0_encoder_pct": 0.0,
                "gpu0_decoder_pct": 0.0,
                "gpu0_memory_clock_mhz": 1215.0,
                "gpu0_sm_clock_mhz": 1410.0,
                "gpu0_pcie_received_bytes_per_s": 5_000_000.0,
                "gpu0_pcie_sent_bytes_per_s": 12_000_000.0,
            },
        ),
    )


def test_a_dash_is_nothing_read_and_headings_come_again(log):
    found = log(NAMES + UNITS + FIRST + NAMES + UNITS + SECOND)

    assert [time_s for time_s, _ in found.beats] == [AT, AT + 1]
    assert "gpu0_memory_temperature_c" not in found.beats[1][1]
    assert found.faults == ("its times tell no zone and are read as UTC",)


def test_lines_of_several_gpus_are_one_beat(log):
    other = FIRST.replace("      0    61", "      1    99")
    found = log(NAMES + FIRST + other + SECOND)

    assert [sorted(values)[-1][:4] for _, values in found.beats] == ["gpu1", "gpu0"]
    assert (found.beats[0][1]["gpu0_power_w"], found.beats[0][1]["gpu1_power_w"]) == (61.0, 99.0)


def test_columns_are_found_by_their_heading(log):
    text = "#Date Time gpu fb sm temp jpg ofa\n 20220704 12:00:00 3 1024 50 70 0 0\n"

    assert log(text).beats == (
        (AT, {"gpu3_temperature_c": 70.0, "gpu3_utilisation_pct": 50.0, "gpu3_memory_used_bytes": 2.0**30}),
    )


def test_a_line_that_is_not_whole_is_left_out_and_named(log):
    found = log(NAMES + FIRST + "slurmstepd: error: cancelled\n" + SECOND + SECOND[:40])

    assert len(found.beats) == 2
    assert found.faults[1:] == (
        "line 5, the last, has no end: it may be cut and is left out",
        "line 3 is not whole and left out",
    )


def test_a_last_line_cut_in_its_last_number_is_left_out_though_it_looks_whole(log):
    found = log(NAMES + FIRST + SECOND.rstrip("\n")[:-1])

    assert [time_s for time_s, _ in found.beats] == [AT]
    assert found.faults[1:] == ("line 3, the last, has no end: it may be cut and is left out",)


def test_cells_separated_by_commas_are_read_alike(log):
    with_commas = "".join(
        ", ".join(line.split()).replace("#, ", "#") + "\n" for line in [NAMES, UNITS, FIRST, SECOND]
    )

    assert with_commas.startswith("#Date, Time, gpu, pwr, ")
    assert log(with_commas) == log(NAMES + UNITS + FIRST + SECOND)


def test_two_logs_one_behind_the_other_are_kept_apart(logs):
    # `cat node1.log node2.log`: the same seconds on two hosts.
    first = NAMES + "".join(second(at, 300) for at in range(5))
    other = NAMES + "".join(second(at, 60) for at in range(5))
    found = logs(first + other)

    powers_w = [{values["gpu0_power_w"] for _, values in part.beats} for part in found]
    assert powers_w == [{300.0}, {60.0}]
    assert [[time_s for time_s, _ in part.beats] for part in found] == [[AT + at for at in range(5)]] * 2
    assert "it holds 2 logs, each with a heading of its own, kept apart" in found[0].faults


def test_two_jobs_hours_apart_are_kept_apart_where_a_heading_lies_between(logs):
    first = NAMES + second(0) + second(1)
    assert len(logs(first + NAMES + second(0, minute=30) + second(1, minute=30))) == 2

    (one,) = logs(first + second(0, minute=30) + second(1, minute=30))
    assert one.faults[1:] == ("no samples for 1799 s before line 4",)


def test_a_heading_that_comes_again_begins_no_other_log(logs):
    assert len(logs(NAMES + second(0) + NAMES + second(1) + NAMES + UNITS + second(1) + second(2))) == 1


def test_what_two_hosts_wrote_at_once_is_refused_by_name(logs):
    mixed = "".join(second(at, 300) + second(at, 60) for at in range(10))
    with pytest.raises(ProbeError, match=r"holds lines of several hosts or jobs, mixed: 10 times") as caught:
        logs(NAMES + mixed)
    assert "`srun -l`" in caught.value.remedy


def test_a_second_that_dmon_met_twice_is_no_second_host(log):
    # A beat of a little less than a second: 9 samples of a minute begin in the second of the one before.
    seconds = [at for at in range(51) for _ in range(2 if at % 6 == 0 else 1)]
    assert len(log(NAMES + "".join(map(second, seconds))).beats) == 60


def test_tasks_that_srun_labelled_are_logs_of_their_own(logs):
    lines = [("0", NAMES), ("1", NAMES), ("0", second(0, 300)), ("1", second(0, 60)), ("1", second(1, 60))]
    found = logs("".join(f"{label}: {line}" for label, line in lines) + "slurmstepd: error: cancelled\n")

    assert [(part.task, len(part.beats)) for part in found] == [("0", 1), ("1", 2)]
    assert [part.beats[0][1]["gpu0_power_w"] for part in found] == [300.0, 60.0]
    assert "1 lines without a label are left out" in found[0].faults


def test_of_lines_of_instances_what_is_of_the_whole_gpu_is_kept(log):
    text = "#Date Time gpu mig gi ci pwr sm\n"
    text += "".join(f" 20220704 12:00:0{at} 0 {mig} 1 0 250 70\n" for at in range(5) for mig in range(2))
    found = log(text)

    assert [values for _, values in found.beats] == [{"gpu0_power_w": 250.0}] * 5
    assert "its lines are of MIG instances" in found.faults[1]


def test_cells_that_are_no_number_are_not_read_and_told(log):
    found = log(NAMES + FIRST + SECOND.replace(" 305 ", " ERR! "))

    assert "gpu0_power_w" not in found.beats[1][1]
    assert found.faults[1:] == ("cells that no sensor tells count as not read: ERR!",)


@pytest.mark.parametrize("cell", ["inf", "-inf", "nan", "1e400", "-305", "1e300"])
def test_numbers_that_no_sensor_tells_are_not_read_and_told(log, cell):
    found = log(NAMES + FIRST + SECOND.replace(" 305 ", f" {cell} "))

    assert "gpu0_power_w" not in found.beats[1][1]
    assert found.faults[1:] == (f"cells that no sensor tells count as not read: {cell}",)


@pytest.mark.parametrize("gpu", ["\u00b2", "\u0663", "99999999", "-1", "0x1"])
def test_a_gpu_that_has_no_number_is_none(log, gpu):
    found = log(NAMES + FIRST + SECOND.replace(":01      0 ", f":01 {gpu} "))

    assert len(found.beats) == 1
    assert found.faults[1:] == ("line 3 is not whole and left out",)


@pytest.mark.parametrize("day", ["19700101", "99991231"])
def test_a_time_of_a_clock_that_was_not_set_is_left_out(log, day):
    found = log(NAMES + FIRST.replace("20220704", day) + SECOND)

    assert [time_s for time_s, _ in found.beats] == [AT + 1]
    assert found.faults[1:] == ("line 2 has a time before 2007 or after 2099 and is left out",)


def test_a_clock_that_goes_back_moves_nothing_backwards(log):
    found = log(NAMES + FIRST + FIRST.replace("12:00:00", "11:00:00") + FIRST.replace("12:00:00", "11:00:01"))

    assert [time_s for time_s, _ in found.beats] == [AT, AT, AT + 1]
    assert found.faults[1:] == ("the clock went back by 3600 s at line 3; times after it are moved on",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0\1\2 not text\n",
        NAMES + UNITS,
        NAMES
        + " 20220704   12:00:00      0     -     -     -     -     -     -     -     -     -     -     -\n",
        "# gpu   pwr gtemp mtemp    sm\n# Idx     W     C     C     %\n    0    24    46     -     2\n",
        '{"schema_version": 1}\n',
    ],
    ids=["empty", "binary", "no line", "only dashes", "no times", "another file"],
)
def test_a_file_without_samples_is_refused(log, text):
    with pytest.raises(
        ProbeError, match=r"dmon_1234.txt holds no samples of `nvidia-smi dmon` with date and time"
    ) as caught:
        log(text)
    assert caught.value.remedy == "take a file that `nvidia-smi dmon -o TD -s puct` wrote"


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ProbeError, match=r"cannot read .*nothing.txt: No such file or directory"):
        read_log(tmp_path / "nothing.txt")
