"""The page that tells users what every field does must know every field."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from yolo_v4 import flags
from yolo_v4.spec import dataset_convert_pb2, experiment_pb2


@pytest.fixture(scope="module")
def words(checkout: Path) -> set[str]:
    page = (checkout / "docs" / "seam.md").read_text()
    return {word.lstrip(".") for quoted in re.findall(r"`([^`]+)`", page) for word in quoted.split()}


@pytest.mark.parametrize("file", [experiment_pb2, dataset_convert_pb2])
def test_every_field_of_the_specs_is_told(words: set[str], file: Any) -> None:
    messages = file.DESCRIPTOR.message_types_by_name.values()
    fields = {field.name for message in messages for field in message.fields}
    assert fields - words == set()


@pytest.mark.parametrize("command", ["dataset_convert", "kmeans"])
def test_every_flag_of_the_data_commands_is_told(words: set[str], command: str) -> None:
    parser = argparse.ArgumentParser(add_help=False)
    getattr(flags, command)(parser)
    assert set(_flags(parser)) - words == set()


def _flags(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from action.option_strings
