import dataclasses
import json
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from harness.measure.comparability import reasons
from harness.measure.record import RANGES, STATUSES, Record
from harness.measure.record_files import read_record

SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}


def schema_of(hint):
    """JSON Schema of a type, by the rules of JSON Schema 2020-12."""
    if hint is Any:
        return {}
    if hint in SCALARS:
        return {"type": SCALARS[hint]}
    if dataclasses.is_dataclass(hint):
        return {"$ref": f"#/$defs/{hint.__name__}"}
    if get_origin(hint) is tuple:
        return {"type": "array", "items": schema_of(get_args(hint)[0])}
    if get_origin(hint) is Mapping:
        return {"type": "object", "additionalProperties": schema_of(get_args(hint)[1])}
    assert get_origin(hint) is UnionType, hint
    if all(one in SCALARS for one in get_args(hint)):
        return {"type": [SCALARS[one] for one in get_args(hint)]}
    return {"anyOf": [schema_of(one) for one in get_args(hint)]}


def merged(schema, more):
    """A schema with further keywords, also below those that it has."""
    return {
        **schema,
        **{
            key: merged(schema.get(key, {}), value) if isinstance(value, Mapping) else value
            for key, value in more.items()
        },
    }


def of_measurement(ending, limits):
    """That values of measurements with this ending lie within limits."""
    return {
        "if": {"properties": {"name": {"pattern": ending}}},
        "then": {"properties": {"values": {"items": limits}}},
    }


def definition(kind):
    optional = dataclasses.MISSING
    return {
        "type": "object",
        "additionalProperties": False,
        "required": sorted(
            field.name
            for field in dataclasses.fields(kind)
            if field.default is optional and field.default_factory is optional
        ),
        "properties": {
            name: merged(schema_of(hint), kind.__dataclass_fields__[name].metadata)
            for name, hint in sorted(get_type_hints(kind).items())
        },
    }


def below(kind, found):
    found[kind.__name__] = kind
    for hint in get_type_hints(kind).values():
        for one in (hint, *get_args(hint)):
            if dataclasses.is_dataclass(one) and one.__name__ not in found:
                below(one, found)
    return found


def test_the_published_schema_describes_the_record(checkout):
    kinds = below(Record, {})
    schema = json.loads((checkout / "specs" / "record.schema.json").read_text())

    assert schema["$ref"] == "#/$defs/Record"
    expected = {name: definition(kind) for name, kind in kinds.items()}
    expected["Record"]["properties"]["status"] = {"enum": list(STATUSES)}
    expected["Measurement"]["allOf"] = [of_measurement(*row) for row in RANGES]
    assert schema["$defs"] == expected


def test_every_key_is_in_the_page_on_records(checkout):
    page = (checkout / "docs" / "records.md").read_text()
    keys = {field.name for kind in below(Record, {}).values() for field in dataclasses.fields(kind)}

    assert sorted(key for key in keys if f"`{key}`" not in page) == []


def test_values_of_a_quantity_come_run_after_run_and_with_or_without_the_sampler(checkout):
    folder = checkout / "tests" / "fixtures" / "results" / "local" / "20260301T101500Z-train-1a2b"
    record = read_record(folder)

    assert record.values("train_images_per_s") == (36.1, 36.6, 36.3, 36.2)
    assert record.values("train_images_per_s", probed=False) == (36.6, 36.2)
    assert record.values("train_images_per_s", of="another") == ()
    assert reasons(record) == ()
