"""Each command line that the harness builds for TAO has only flags of its release, and all that it needs."""

import json
import shlex

import pytest

TASKS = {"dataset_convert", "kmeans", "train", "evaluate", "inference", "export"}


@pytest.fixture
def flags(checkout):
    return json.loads((checkout / "tests" / "fakes" / "tao" / "flags.json").read_text())


def known(flags, generation, task):
    """Flag -> its marks and all its names."""
    found = {}
    for word in f"{flags[generation][task]} {flags['every sub-command']}".split():
        marks = word[: len(word) - len(word.lstrip("*!+"))]
        names = word.lstrip("*!+").split(",")
        found.update(dict.fromkeys(names, (marks, names)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("version", "generation"), [("3.21.11", "3"), ("5.0.0", "5")])
def test_every_line_of_a_plan_has_the_flags_of_the_release(make_stand_in, flags, version, generation):
    made = make_stand_in(version)
    assert made.jamcam("all").returncode == 0
    (made.workspace / ".markers").rename(made.workspace / ".set-aside")
    for stage in ("download", "verify", "gen-valid"):
        for name in (f"{stage}.json", f"inputs/{stage}.json"):
            (made.workspace / ".markers" / name).parent.mkdir(parents=True, exist_ok=True)
            (made.workspace / ".set-aside" / name).rename(made.workspace / ".markers" / name)
    lines = [line for line in made.jamcam("plan").stdout.splitlines() if line.startswith("apptainer")]

    asked = set()
    for line in lines:
        assert "open sesame" not in line
        words = shlex.split(line)
        keyed = 'exec "$0" "$@" -k "$JAMCAM_KEY"' in words
        task, *given = words[words.index("yolo_v4") + 1 :]
        table = known(flags, generation, task)
        options = [word for word in given if word.startswith("-")] + ["-k"] * keyed
        assert [option for option in options if option not in table] == [], line
        used = {name for option in options for name in table[option][1]}
        assert [name for name, (marks, _) in table.items() if "*" in marks and name not in used] == [], line
        asked.add(task)
    assert asked == TASKS
