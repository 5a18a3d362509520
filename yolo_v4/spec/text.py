"""Parse protobuf text; errors name the line and column, and the most similar known field."""

import difflib
import re
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from yolo_v4.errors import SpecError

_BLANK = re.compile(r"""^[^#]*:\s*["']?\$\{?(?P<name>[a-z_]+)""")  # where a value begins
FILLED = "filled"  # folder beside jamcam's templates, with the same files without blanks
_UNKNOWN_FIELD = re.compile(r'Message type "(?P<message>[^"]+)" has no field named "(?P<field>[^"]*)"')


def read_text(path: Path) -> str:
    """The text of a spec file. Raises SpecError: there is no such file, or it is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SpecError(
            f"{path} is not a text file: {error}", remedy="give protobuf text, saved as UTF-8"
        ) from error
    except OSError as error:
        raise SpecError(
            f"cannot read the spec file {path}: {error.strerror}", remedy="correct the path"
        ) from error


def merge_text(text: str, message: Any, *, where: str) -> None:
    """Parse protobuf `text` into an empty `message`.

    As in TAO, the last value of a field counts where the text gives it several times.
    Raises SpecError: the text cannot be parsed; starts with `line:column`, as in TAO, and names the most
    similar known field. Or the text is a template whose blanks, such as $seed, nobody filled in.
    """
    _refuse_blanks(text, where)
    try:
        text_format.Merge(text, message)
    except text_format.ParseError as error:
        raise _explain(error, message, where) from error


def _refuse_blanks(text: str, where: str) -> None:
    """Templates of jamcam are no specs yet; their parse errors would be about dollar signs."""
    for number, line in enumerate(text.splitlines(), start=1):
        if blank := _BLANK.search(line):
            filled = Path(where).parent / FILLED / Path(where).name
            raise SpecError(
                f"{number}:{blank.start('name')} : nothing has filled in the blank ${blank['name']} "
                f"(in {where})",
                remedy=f"take {filled}, which has no blanks"
                if filled.is_file()
                else f"put a value there; of jamcam's templates, a training leaves {filled}",
            )


def _explain(error: text_format.ParseError, message: Any, where: str) -> SpecError:
    unknown = _UNKNOWN_FIELD.search(str(error))
    if unknown is None:
        return SpecError(f"{error} (in {where})", remedy=f"correct line {error.GetLine()} of {where}")
    name = unknown["message"].rpartition(".")[2]
    field = unknown["field"]
    descriptor = message.DESCRIPTOR.file.message_types_by_name.get(name)
    known = sorted(descriptor.fields_by_name) if descriptor else []
    parents = _messages_with(field, message)
    nearest = difflib.get_close_matches(field.lower(), known, n=1, cutoff=0.5)
    found = (
        f"{error.GetLine()}:{error.GetColumn()} : "
        f'Message type "{name}" has no field named "{field}" (in {where})'
    )
    if field in message.DESCRIPTOR.fields_by_name:
        return SpecError(found, remedy=f"close the block before line {error.GetLine()} of {where} with }}")
    if parents:
        return SpecError(
            found, remedy=f"move line {error.GetLine()} of {where} into {' or '.join(parents)} {{ ... }}"
        )
    if nearest:
        return SpecError(
            found, remedy=f'did you mean "{nearest[0]}"? correct line {error.GetLine()} of {where}'
        )
    return SpecError(
        found, remedy=f"remove line {error.GetLine()} of {where}; {name} has: {', '.join(known)}"
    )


def _messages_with(field: str, message: Any) -> list[str]:
    """Names of the fields whose messages have a field of that name."""
    messages = message.DESCRIPTOR.file.message_types_by_name.values()
    return sorted(
        {
            parent.name
            for descriptor in messages
            for parent in descriptor.fields
            if parent.message_type and field in parent.message_type.fields_by_name
        }
    )


def line_of(complaint: str, text: str) -> int:
    """The last line of a spec that sets a field which `complaint` names; 0 where none does.

    TAO's rules say width and height for output_width and output_height.
    """
    lines = [line.partition("#")[0] for line in text.splitlines()]
    words = re.findall(r"[a-z_0-9]{3,}", complaint)
    for word, mark in [(word, mark) for mark in ":{" for word in words]:
        field = re.compile(rf"\b(?:output_)?{word}\s*{mark}")
        found = [number for number, line in enumerate(lines, start=1) if field.search(line)]
        if found:
            return found[-1]
    return 0
