from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from harness.errors import ConfigError
from harness.settings.table import from_table, nearest


@dataclass(frozen=True, kw_only=True)
class Machine:
    name: str
    gpus_per_node: int = 1
    speed: float = 1.0
    tags: tuple[str, ...] = ()
    load_pct: float | None = field(default=None, metadata={"minimum": 0, "maximum": 100})
    limits: Mapping[str, float] = field(default_factory=dict)
    shares: Mapping[str, float | None] = field(default_factory=dict)
    facts: Mapping[str, str | int | None] = field(default_factory=dict)


def test_a_table_becomes_a_value_with_defaults():
    machine = from_table(Machine, {"name": "x", "tags": ["a"], "speed": 2}, where="x.toml")

    assert machine == Machine(name="x", tags=("a",), speed=2.0)


def test_an_unknown_key_is_refused_with_the_nearest_known_one():
    with pytest.raises(ConfigError) as caught:
        from_table(Machine, {"name": "x", "gpu_per_node": 2}, where="x.toml")

    assert caught.value.message == "x.toml: unknown key 'gpu_per_node'"
    assert caught.value.remedy == "write gpus_per_node, or remove the line"


def test_a_whole_number_too_large_for_a_float_is_refused():
    with pytest.raises(ConfigError, match=r"x\.toml: speed: found 10+, expected a value of type float"):
        from_table(Machine, {"name": "x", "speed": 10**400}, where="x.toml")


def test_a_missing_key_is_named():
    with pytest.raises(ConfigError, match=r"x\.toml: key 'name' is missing"):
        from_table(Machine, {}, where="x.toml")


@pytest.mark.parametrize("wrong", ["four", 1.5, True, [1]])
def test_a_value_of_another_type_is_refused(wrong):
    with pytest.raises(ConfigError, match=r"x\.toml: gpus_per_node: found .*, expected a value of type int"):
        from_table(Machine, {"name": "x", "gpus_per_node": wrong}, where="x.toml")


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_number_without_an_end_is_refused(wrong):
    with pytest.raises(ConfigError, match=r"x\.toml: load_pct: found (nan|inf), expected a value of type"):
        from_table(Machine, {"name": "x", "load_pct": wrong}, where="x.toml")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"shares": {"a": "x"}}, r"shares a: found 'x', expected a value of type float"),
        ({"shares": {"a": [1.0]}}, r"shares a: found \[1\.0\], expected a value of type float"),
        ({"facts": {"a": [1]}}, r"facts a: found \[1\], expected a value of type str or int"),
        ({"facts": {"a": {}}}, r"facts a: found \{\}, expected a value of type str or int"),
    ],
)
def test_each_value_of_a_table_within_has_its_type(wrong, words):
    with pytest.raises(ConfigError, match=words):
        from_table(Machine, {"name": "x", **wrong}, where="x.toml")
    good = {"shares": {"a": 1, "b": None}, "facts": {"a": 1, "b": "x", "c": None}}
    made = from_table(Machine, {"name": "x", **good}, where="x.toml")
    assert (made.shares, made.facts) == ({"a": 1.0, "b": None}, {"a": 1, "b": "x", "c": None})


@pytest.mark.parametrize(("value", "expected"), [(-0.1, "0 or more"), (100.1, "100 or less")])
def test_a_number_that_cannot_be_is_refused(value, expected):
    with pytest.raises(ConfigError, match=rf"x\.toml: load_pct: found {value}, expected {expected}"):
        from_table(Machine, {"name": "x", "load_pct": value}, where="x.toml")
    assert from_table(Machine, {"name": "x", "load_pct": 100.0}, where="x.toml").load_pct == 100.0
    assert from_table(Machine, {"name": "x", "load_pct": None}, where="x.toml").load_pct is None


def test_nothing_alike_lists_all_there_is():
    assert nearest("zzz", ["b", "a"]) == "a, b"
