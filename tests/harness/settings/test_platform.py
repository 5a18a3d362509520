import dataclasses
import itertools

import pytest

from harness.errors import ConfigError
from harness.settings.declared import SPECS
from harness.settings.platform import (
    Platform,
    complaint,
    goes_to_queue,
    host_fits,
    load_platform,
    platforms,
    wall_time_s,
)

SOUND = Platform(name="x", title="x", scheduler="slurm", wall_time="1:00:00")


def test_every_platform_that_the_project_names_has_a_sound_file():
    named = "local wsl2 slurm baskerville jade pearl isambard-ai csd3-ampere sulis bede tursa"
    assert {platform.name for platform in platforms()} >= {*named.split()}


def test_who_is_sent_to_another_platform_is_sent_to_one_that_is_in_service():
    successors = {each.name: each.successor for each in platforms() if each.successor}

    assert successors == {"baskerville": "isambard-ai", "pearl": "jade"}
    assert {load_platform(name).status for name in successors.values()} == {"in service"}


def test_the_local_platform_makes_no_demands():
    platform = load_platform("local")

    assert isinstance(platform, Platform)
    assert (platform.image, platform.gpus, platform.nodes) == ("", 1, 1)


def test_no_site_is_asked_more_often_than_every_half_minute():
    assert min(platform.poll_s for platform in platforms()) >= 30


@pytest.mark.parametrize("path", sorted(SPECS.glob("platforms/*.toml")), ids=lambda path: path.stem)
def test_every_fact_of_a_site_has_its_source_beside_it(path):
    if path.stem in {"local", "slurm"}:
        return
    lines = [line for line in path.read_text().splitlines() if line]
    bare = [
        line
        for before, line in itertools.pairwise(lines)
        if "#" not in line
        and not before.startswith("#")
        and not line.startswith(("title", "facts_date", "scheduler"))
    ]
    assert bare == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scheduler": "sge"}, "scheduler is 'sge', expected one of none, slurm"),
        ({"stage_inputs": True}, "stage_inputs is true, but scratch is empty"),
        ({"qos_use": "maybe"}, "qos_use is 'maybe', expected one of must, may, never"),
        ({"account": "a b"}, "account is 'a b', expected a name without blanks and quotes"),
        ({"account": "a\n#SBATCH --x"}, "expected a name without blanks and quotes"),
        ({"account": "a", "account_use": "never"}, "account is 'a', but account_use is never"),
        (
            {"gpu_request": "--gres=gpu:{gpus}; rm"},
            "expected one option of sbatch, such as --gres=gpu:{gpus}",
        ),
        ({"options": ("-N 2",)}, "options has '-N 2', expected single options of sbatch"),
        ({"wall_time": "86400"}, "wall_time is '86400', expected [days-]hours:minutes:seconds"),
        ({"wall_time": ""}, "wall_time is missing, which a queue needs"),
        ({"scratch": "$(rm x)"}, "scratch is '$(rm x)', expected a path"),
        ({"container": ()}, "container is empty, expected at least one program such as apptainer"),
        ({"host_pattern": "("}, "host_pattern or login_pattern is no regular expression"),
    ],
)
def test_what_cannot_be_is_said_in_words(change, words):
    assert complaint(SOUND) == ""
    assert words in complaint(dataclasses.replace(SOUND, **change))


def test_an_unknown_key_is_refused_with_the_nearest_one(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('title = "x"\npartitions = "gpu"\n')

    with pytest.raises(ConfigError, match=r"unknown key 'partitions'") as caught:
        load_platform(str(path))
    assert caught.value.remedy == "write partition, or remove the line"


def test_a_wrong_value_is_refused_with_its_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('title = "x"\nscheduler = "pbs"\n')

    with pytest.raises(ConfigError, match=rf"{path}: scheduler is 'pbs'"):
        load_platform(str(path))


def test_what_is_a_persons_own_stands_in_a_file_beside_it(tmp_path):
    (tmp_path / "site.toml").write_text('title = "a site"\naccount_use = "must"\n')
    (tmp_path / "site.mine.toml").write_text('account = "proj-7"\n')

    assert load_platform(str(tmp_path / "site.toml")).account == "proj-7"


@pytest.mark.parametrize(
    ("text", "seconds"), [("0:30:00", 1800), ("24:00:00", 86400), ("6-00:00:00", 518400)]
)
def test_wall_times_as_slurm_writes_them(text, seconds):
    assert wall_time_s(text) == seconds


@pytest.mark.parametrize("text", ["90", "1:30", "1-0", "24:00:00 "])
def test_other_ways_to_write_a_time_are_not_guessed_at(text):
    with pytest.raises(ValueError, match=text):
        wall_time_s(text)


@pytest.mark.parametrize(
    ("host", "fits"),
    [("mn1", True), ("mn2.pearl.scd.stfc.ac.uk", True), ("column1.lab", False), ("xmn1", False)],
)
def test_a_host_belongs_to_a_platform_where_its_whole_name_matches(host, fits):
    pearl = load_platform("pearl")  # mn[12].*

    assert host_fits(pearl, host, login=False) is fits
    assert host_fits(pearl, host, login=True) is fits


def test_a_login_node_counts_only_where_it_is_asked_for():
    isambard = load_platform("isambard-ai")  # no pattern of compute nodes

    assert host_fits(isambard, "login41", login=True) is True
    assert host_fits(isambard, "nid001", login=True) is False
    assert host_fits(isambard, "login41", login=False) is None


def test_a_pattern_with_alternatives_does_not_reach_into_the_other():
    both = dataclasses.replace(SOUND, host_pattern="a|b", login_pattern="c|d")

    assert [host_fits(both, host, login=True) for host in ("a", "d", "ad", "ac")] == [
        True,
        True,
        False,
        False,
    ]


def test_work_for_a_queue_is_done_on_the_spot_inside_a_job():
    assert goes_to_queue(load_platform("jade"), {})
    assert not goes_to_queue(load_platform("jade"), {"SLURM_JOB_ID": "7"})
    assert not goes_to_queue(load_platform("local"), {})
