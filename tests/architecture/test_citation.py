"""What is said of the project in several places is the same."""

import re
from pathlib import Path

import pytest

from harness import __version__
from harness.settings.declared import read_toml

CHECKOUT = Path(__file__).resolve().parents[2]
# Of the Citation File Format 1.2.0: keys that must be there, and others that may.
REQUIRED = {"cff-version", "message", "title", "authors"}
OPTIONAL = {"type", "abstract", "version", "license", "keywords"}


@pytest.fixture(scope="module")
def project():
    return read_toml(CHECKOUT / "pyproject.toml")["project"]


@pytest.fixture(scope="module")
def citation():
    """The keys of CITATION.cff and what stands behind and below each, of the little YAML that it is."""
    text = (CHECKOUT / "CITATION.cff").read_text(encoding="utf-8")
    parts = re.split(r"^([a-z-]+):", text, flags=re.MULTILINE)
    assert parts[0] == ""
    return {key: value.strip() for key, value in zip(parts[1::2], parts[2::2], strict=True)}


@pytest.fixture(scope="module")
def holder():
    return re.search(r"Copyright \(c\) \d{4} (.+)", (CHECKOUT / "LICENSE").read_text(encoding="utf-8"))[1]


def test_the_citation_has_the_keys_that_the_format_asks_for_and_no_unknown_one(citation):
    assert REQUIRED <= {*citation} <= REQUIRED | OPTIONAL
    assert (citation["cff-version"], citation["type"]) == ("1.2.0", "software")


def test_version_licence_author_and_keywords_are_the_same_everywhere(citation, project, holder):
    assert (citation["version"], citation["license"]) == (__version__, project["license"])
    assert citation["authors"] == f"- name: {holder}"
    assert project["authors"] == [{"name": holder}]
    assert citation["keywords"].splitlines() == [
        f"{'' if place == 0 else '  '}- {word}" for place, word in enumerate(project["keywords"])
    ]


def test_a_release_is_a_version_of_three_numbers():
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


def test_every_python_that_is_named_is_one_that_is_allowed(project):
    named = [line for line in project["classifiers"] if re.search(r":: 3\.\d+$", line)]
    least = int(re.search(r"3\.(\d+)", project["requires-python"])[1])

    assert [int(line.rpartition(".")[2]) for line in named] == [least + step for step in range(len(named))]


def test_every_package_says_that_it_has_types():
    for package in ("harness", "made_frames", "probe", "yolo_v4"):
        assert (CHECKOUT / package / "py.typed").read_bytes() == b""


def test_git_writes_the_commit_into_an_archive():
    assert "node: $Format:%H$" in (CHECKOUT / ".git_archival.txt").read_text().splitlines()
    assert ".git_archival.txt export-subst" in (CHECKOUT / ".gitattributes").read_text().splitlines()


def test_links_of_the_page_for_contributors_lead_somewhere():
    text = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)]+)\)", text)

    assert len(targets) > 4
    assert [target for target in targets if not (CHECKOUT / target).exists()] == []


def test_every_extra_is_in_the_page_on_the_package(project):
    page = (CHECKOUT / "docs" / "package.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == {*project["optional-dependencies"]} - {
        "dev"
    }
