"""The receipt: its published schema and its page describe it, and it is shown in full."""

import dataclasses
import json

from harness.reproduce.receipt import Fact, ProductRow, Receipt, Side, StageTimes, told
from tests.harness.measure.test_record import below, definition


def test_the_published_schema_describes_the_receipt(checkout):
    schema = json.loads((checkout / "specs" / "receipt.schema.json").read_text())

    assert schema["$ref"] == "#/$defs/Receipt"
    assert schema["$defs"] == {name: definition(kind) for name, kind in below(Receipt, {}).items()}


def test_every_key_is_in_the_page_on_reproducing(checkout):
    page = (checkout / "docs" / "reproducing.md").read_text()
    keys = {field.name for kind in below(Receipt, {}).values() for field in dataclasses.fields(kind)}

    assert sorted(key for key in keys if f"`{key}`" not in page) == []


def side(kind, **facts):
    return Side(kind=kind, digest="ab" * 32, record="", facts=facts, packages={})


def row(name, level, **more):
    return ProductRow(
        **{
            "stage": "train",
            "name": name,
            "level": level,
            "there": "1",
            "here": "2",
            "difference": "",
            **more,
        },
        **({} if "causes" in more else {"causes": ()}),
    )


def test_a_receipt_is_told_with_what_differs_a_row_for_each_product_and_a_conclusion():
    receipt = Receipt(
        verdict="yes",
        level="same quality",
        promised="same quality",
        promised_because="the same bytes are not promised: threads: 2 there, 4 here",
        there=side("workspace", threads=2),
        here=side("workspace", threads=4),
        exact=False,
        only=(),
        differences=(Fact(fact="threads", there=2, here=4),),
        stages=(StageTimes(stage="train", there_s=1.0, here_s=1.5, here_started_utc="", attempts=1),),
        products=(
            row("data/split.json", "same bytes"),
            row(
                "experiment/weights",
                "same quality",
                difference="a\x1b[2Jb",
                causes=("threads: 2 there, 4 here",),
            ),
        ),
        network="1 of 2 detections have no partner",
        made_utc="2026-03-01T10:15:00.000Z",
        duration_s=3.5,
    )
    assert told(receipt) == (
        "there: workspace abababababab; here: workspace abababababab\n"
        "  threads: 2 there, 4 here\n"
        "expected: same quality: the same bytes are not promised: threads: 2 there, 4 here\n"
        "\n"
        "stage  product             level         first difference\n"
        "train  data/split.json     same bytes\n"
        "train  experiment/weights  same quality  a\\x1b[2Jb\n"
        "networks: 1 of 2 detections have no partner\n"
        "probable cause (train, experiment/weights): threads: 2 there, 4 here\n"
        "\n"
        "reproduced: same quality (1 same bytes, 1 same quality)"
    )
