import pytest

from probe.dmon import read_dmon
from probe.errors import ProbeError

# As `nvidia-smi dmon -o TD -s puct -d 1` of driver 510 prints it; 1,656,936,000 is 2022-07-04 12:00:00 UTC.
NAMES = "#Date       Time        gpu   pwr gtemp mtemp    sm   mem   enc   dec  mclk  pclk rxpci txpci\n"
UNITS = "#YYYYMMDD   HH:MM:SS    Idx     W     C     C     %     %     %     %   MHz   MHz  MB/s  MB/s\n"
FIRST = " 20220704   12:00:00      0    61    33    31    10     2     0     0  1215  1410     5    12\n"
SECOND = " 20220704   12:00:01      0   305    48     -    97    41     0     0  1215  1395   800    20\n"
AT = 1_656_936_000.0


@pytest.fixture
def log(tmp_path):
    """Reads a file with that text."""

    def read(text):
        path = tmp_path / "dmon_1234.txt"
        path.write_text(text)
        return read_dmon(path)

    return read


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
    assert found.faults[1:] == ("line 3 is not whole and left out", "line 5 is not whole and left out")


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
        read_dmon(tmp_path / "nothing.txt")
