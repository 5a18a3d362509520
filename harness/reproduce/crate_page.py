"""The page of a crate that people read first: what was run, what came out, and which files are inside."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from harness.reproduce.crate_actions import finished_utc, known
from harness.reproduce.crate_graph import METADATA, PREVIEW, Part
from harness.reproduce.source import Run
from harness.text import duration, markdown_cell, number, one_line

STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse}td,th{text-align:left;padding:.1em 1em .1em 0;vertical-align:top}"
)


def page(run: Run, parts: Sequence[Part], *, titles: Mapping[str, str], licence: str) -> str:
    """ro-crate-preview.html, which needs no other file and runs nothing."""
    name = _name(run)
    lines = [
        "<!DOCTYPE html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{_text(name)}</title>',
        f"<style>{STYLE}</style></head><body>",
        f"<h1>{_text(name)}</h1>",
        f"<p>Finished {_text(finished_utc(run))}. Licence of the data: {_text(licence or 'not stated')}.",
        f'For machines: <a href="{METADATA}">{METADATA}</a>.</p>',
        "<p>To do it again and compare: <code>jamcam reproduce FILE</code></p>",
        *_table("What came out", ("quantity", "value"), _scores(run)),
        *_table("Stages", ("stage", "what it does", "began", "took", "engine"), _stages(run, titles)),
        *_table("With what", ("fact", "value"), ([name, str(run.facts[name])] for name in known(run))),
        "<h2>Files</h2>",
        "<ul>",
        *_files(parts),
        "</ul>",
        "</body></html>",
    ]
    return "\n".join(lines) + "\n"


def readme(run: Run) -> str:
    """README.md: where to go on from here."""
    return (
        f"# {markdown_cell(_name(run))}\n\n"
        f"Open [{PREVIEW}]({PREVIEW}) to see what was run, with what, and what came out.\n"
        f"Programs read [{METADATA}]({METADATA}), an RO-Crate by the profile Provenance Run Crate 0.5.\n"
        "`jamcam reproduce FILE`, of the archive that this lies in, does it again and compares.\n"
    )


def _name(run: Run) -> str:
    recipe = run.facts["recipe"]
    return f"JamCam run of the recipe {recipe}" if recipe else "JamCam run"


def _scores(run: Run) -> Iterator[list[str]]:
    for name, value in run.scores.items():
        yield [name, number(value)]


def _stages(run: Run, titles: Mapping[str, str]) -> Iterator[list[str]]:
    for stage, marker in run.markers.items():
        took = duration(marker.duration_s)
        yield [stage, titles[stage], marker.started_utc, took, marker.engine_words]


def _files(parts: Sequence[Part]) -> Iterator[str]:
    for part in parts:
        link = f'<a href="{escape(part.identifier)}">{_text(part.path)}</a>'
        yield f"<li>{link}, {part.bytes:,} bytes: {_text(part.title)}</li>"


def _table(title: str, heads: Sequence[str], rows: Iterator[list[str]]) -> Iterator[str]:
    yield f"<h2>{title}</h2>"
    yield "<table><tr>" + "".join(f"<th>{head}</th>" for head in heads) + "</tr>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>"
    yield "</table>"


def _text(text: str) -> str:
    return escape(one_line(text))
