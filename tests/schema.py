"""Whether a value is as a JSON Schema of ours says, of which these words are all that ours use."""

from collections.abc import Iterator
from typing import Any

KINDS = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def faults(value: Any, schema: Any, kinds: Any, where: str = "it") -> Iterator[str]:
    """Where a value is not as the schema says; `kinds` are its definitions."""
    while "$ref" in schema:
        schema = kinds[schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        found = [list(faults(value, one, kinds, where)) for one in schema["anyOf"]]
        yield from () if [] in found else min(found, key=len)
    elif "enum" in schema or "const" in schema:
        allowed = schema["enum"] if "enum" in schema else [schema["const"]]
        yield from () if value in allowed else [f"{where} is {value}"]
    else:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if not any(_is(value, name) for name in names):
            yield f"{where} is {value}, not {names}"
            return
        yield from (f"{where} lacks {key}" for key in schema.get("required", ()) if key not in value)
        for key, one in value.items() if isinstance(value, dict) else ():
            below = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
            yield from faults(one, below, kinds, f"{where}.{key}") if below else [f"{where} has {key}"]
        for one in value if isinstance(value, list) else ():
            yield from faults(one, schema["items"], kinds, f"{where}[]")


def _is(value: Any, name: str) -> bool:
    return isinstance(value, KINDS[name]) and (name == "boolean" or not isinstance(value, bool))
