"""The page that tells users what every field does must know every field."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from yolo_v4.flags import FLAGS
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


@pytest.mark.parametrize("command", [name for name in FLAGS if name != "prune"])
def test_every_flag_is_told(words: set[str], command: str) -> None:
    parser = argparse.ArgumentParser(add_help=False)
    FLAGS[command](parser)
    assert set(_flags(parser)) - words == set()


def _flags(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from action.option_strings


def test_every_field_that_is_no_block_has_a_verdict(checkout: Path) -> None:
    page = (checkout / "docs" / "seam.md").read_text()
    tables = page[page.index("## Every field of the experiment spec") :]
    rows = [row.strip("|").split(" | ") for row in tables.splitlines() if row.startswith("| `")]
    blocks = {
        f.name
        for m in experiment_pb2.DESCRIPTOR.message_types_by_name.values()
        for f in m.fields
        if f.message_type
    }
    for row in rows:
        verdict = row[-1].strip()
        names = set(re.findall(r"`\.*([a-z_0-9]+)`", row[0]))
        assert re.search("honoured|no effect|refused", verdict) or names <= blocks | {"kitti_config"}, row
