"""What the documents say is there is there, and what is there they say."""

import ast
import importlib
import re
import subprocess
import sys

import pytest

import yolo_v4.cli
from harness import errors
from harness.cli import FAMILIES
from harness.settings.dataset import load_dataset
from harness.settings.load import load_settings
from harness.settings.variables import VARIABLES
from harness.verbs.verb import parse

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"make ([a-z-]+)((?: [A-Z_]+=[^ `\n]+)+)")
NUMBER = re.compile(r"^\d{4}-[a-z0-9-]+\.md$")


@pytest.fixture(scope="module")
def page(checkout):
    """The text of a page for users, by its name."""
    return lambda name: (checkout / name).read_text(encoding="utf-8")


def pages(checkout):
    return [checkout / "README.md", checkout / "CONTRIBUTING.md", *sorted((checkout / "docs").rglob("*.md"))]


def anchors(text):
    """Names under which the headings of a page can be linked to."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere(checkout):
    broken = []
    for page in pages(checkout):
        for target in LINK.findall(page.read_text(encoding="utf-8")):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            linked = (page.parent / path) if path else page
            if not linked.exists() or (anchor and anchor not in anchors(linked.read_text(encoding="utf-8"))):
                broken.append(f"{page.name}: {target}")
    assert broken == []


def test_every_target_of_make_is_in_the_documents(checkout):
    targets = re.findall(r"^([a-z-]+):.*## ", (checkout / "Makefile").read_text(), re.MULTILINE)
    text = "".join(page.read_text(encoding="utf-8") for page in pages(checkout))
    assert [target for target in targets if f"`{target}`" not in text and f"make {target}" not in text] == []


def test_every_page_for_users_can_be_reached_from_the_readme(checkout, page):
    linked = {target.partition("#")[0] for target in LINK.findall(page("README.md"))}
    there = {path.relative_to(checkout).as_posix() for path in (checkout / "docs").glob("*.md")}
    assert there - linked == set()


def test_the_readme_is_short_enough_to_be_read(page):
    assert len(page("README.md").splitlines()) < 220


def test_every_verb_of_jamcam_is_on_the_page_of_commands(checkout, page):
    help_text = subprocess.run(
        [sys.executable, "-m", "harness", "--help"], cwd=checkout, capture_output=True, text=True, check=True
    ).stdout
    verbs = re.findall(r"^ {2,6}([a-z]+(?:-[a-z]+)*) {2,}\S", help_text, re.MULTILINE)
    assert {"all", "train", "status"} <= set(verbs)
    told = section(page("docs/commands.md"), "Verbs and targets")
    assert [verb for verb in verbs if f"`{verb}`" not in told] == []


def test_every_command_of_make_in_the_documents_gives_variables_that_its_verb_takes(checkout):
    verbs = [verb for family in FAMILIES for verb in family_verbs(family)]
    taken = {verb.name: {*verb.names, "venv", "python"} for verb in verbs}
    texts = [page.read_text(encoding="utf-8") for page in pages(checkout)]
    commands = [found for text in texts for found in COMMAND.findall(text)]

    assert len(commands) > 20
    assert [
        f"make {verb} {name}="
        for verb, variables in commands
        for name in re.findall(r"([A-Z_]+)=", variables)
        if verb in taken and name.lower() not in taken[verb]
    ] == []


def shell_lines(checkout):
    """Lines of the examples for a shell, without their comments."""
    blocks = [
        block
        for page in pages(checkout)
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    ]
    return [line.partition(" #")[0].strip() for block in blocks for line in block.splitlines()]


def test_every_target_of_make_in_the_examples_is_one(checkout):
    targets = set(re.findall(r"^([a-z-]+):", (checkout / "Makefile").read_text(), re.MULTILINE))
    named = {line.split()[1] for line in shell_lines(checkout) if re.match(r"make [a-z]", line)}

    assert len(named) > 10
    assert named - targets == set()


def test_every_example_of_jamcam_is_understood(checkout):
    typed = [re.split(r" [|>] ", line)[0] for line in shell_lines(checkout)]
    lines = [line.split()[1:] for line in typed if re.match(r"jamcam (?!--version)", line)]
    verbs = {verb.name: verb for family in FAMILIES for verb in family_verbs(family)}

    assert lines
    for word, *words in lines:
        verb = verbs[word] if word in verbs else importlib.import_module("harness.verbs.run").FLAGS
        assert parse(verb, words if word in verbs else [word, *words])[2] == [], [word, *words]


def test_every_example_of_yolo_v4_is_understood(checkout):
    lines = [line.split()[1:] for line in shell_lines(checkout) if line.startswith("yolo_v4 ")]

    assert len(lines) > 5
    for words in lines:
        parsed = yolo_v4.cli._parser().parse_args(words)
        assert parsed.command == words[0]


def family_verbs(family):
    return importlib.import_module(f"harness.verbs.{family}").VERBS


def test_the_table_of_variables_has_every_setting_in_order_with_its_default(checkout, page):
    rows = re.findall(
        r"^\| (`[A-Z].*?) \|(?: (.*?))? \| .+ \|$",
        section(page("docs/commands.md"), "Variables"),
        re.MULTILINE,
    )
    defaults = {}
    for names, told in rows:
        names = re.findall(r"`(\w+)`", names)
        told = told.split(", ") if ", " in told else [told] * len(names)
        defaults |= dict(zip(names, told, strict=True))

    declared = {
        each.name.upper(): f"the {each.default_from}'s" if each.default_from else f"`{each.default}`"
        for each in VARIABLES
    }
    assert list(defaults.items())[: len(VARIABLES)] == list(declared.items())
    makefile = (checkout / "Makefile").read_text(encoding="utf-8")
    of_make = re.findall(r"^VARIABLES \+= (\w+)=", makefile, re.MULTILINE)
    assert [*defaults] == [*of_make, "BASE", "TAO_IMAGE", "VENV", "PYTHON"]


def test_luigi_cfg_has_a_commented_line_for_every_setting_in_order_with_its_default_and_help(checkout):
    text = (checkout / "luigi.cfg").read_text(encoding="utf-8")
    lines = text.partition("[jamcam]\n")[2].partition("\n\n")[0].splitlines()

    origins = {
        each.name: f" (default: the {each.default_from}'s)" if each.default_from else "" for each in VARIABLES
    }
    assert lines == [
        f"# {each.name} = {each.default}".ljust(27) + f"# {each.help}{origins[each.name]}"
        for each in VARIABLES
    ]


def test_a_line_of_luigi_cfg_can_be_uncommented_as_it_stands(checkout, tmp_path):
    text = (checkout / "luigi.cfg").read_text(encoding="utf-8")
    (tmp_path / "luigi.cfg").write_text(re.sub(r"^# (\w+ = \S)", r"\1", text, flags=re.MULTILINE))

    settings = load_settings({}, {"LUIGI_CONFIG_PATH": str(tmp_path / "luigi.cfg")})

    assert (settings.engine, settings.workspace.name, settings.gpu_hz) == ("portable", "workspace", 10.0)
    changed = {name for name, origin in settings.origins.items() if origin.endswith("luigi.cfg")}
    assert changed == {each.name for each in VARIABLES if each.default}


def test_the_documents_list_the_exit_statuses_of_the_errors(page):
    told = {
        int(status)
        for status in re.findall(
            r"^\| (\d) \|", section(page("docs/troubleshooting.md"), "Exit statuses"), re.MULTILINE
        )
    }
    kinds = [errors.HarnessError, *errors.HarnessError.__subclasses__()]
    assert told == {0, *(kind.exit_status for kind in kinds)} == {0, 1, 2, 3, 4, 5}


def section(text, title):
    """What stands below a heading."""
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_data_set_of_the_documents_can_be_read(page, tmp_path):
    example = re.search(r"```toml\n(.*?)```", page("docs/data.md"), re.DOTALL)[1]
    (tmp_path / "my-street.toml").write_text(example)
    dataset = load_dataset(str(tmp_path / "my-street.toml"))
    assert (dataset.name, dataset.width_px, dataset.split.group) == ("my-street", 352, "frame")


PLACE = re.compile(r"`([^`\s]+?)(?::(\w+))?`")


def test_every_place_that_the_architecture_page_names_is_there(checkout):
    page = (checkout / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| (?!to change|---)[^|]+\| (.+) \|$", page.partition("## To change X")[2], re.MULTILINE
    )
    places = [PLACE.findall(row) for row in rows]
    assert len(rows) >= 20
    assert all(places)
    missing = [
        f"{path}:{symbol}" if symbol else path
        for row in places
        for path, symbol in row
        if not (checkout / path).exists() or (symbol and symbol not in defined(checkout / path))
    ]
    assert missing == []


def defined(path):
    """Names that a module defines at its top."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign):
            names.add(node.target.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
    return names


def test_a_decision_says_why_at_what_price_and_until_when(checkout):
    pages = sorted((checkout / "docs" / "decisions").iterdir())
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    for page in pages:
        assert NUMBER.match(page.name), page.name
        headings = re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings == ["Context", "Decision", "Cost", "What would change our mind"], page.name


def test_prose_has_one_sentence_a_line(checkout):
    long_lines = [
        f"{page.name}: {line}"
        for page in pages(checkout)
        for line in prose(page.read_text(encoding="utf-8"))
        if re.search(r"[a-z)`][.!?] [A-Z]", line)
    ]
    assert long_lines == []


def prose(text):
    """Lines that are neither code, table, heading nor comment."""
    without_code = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return [line for line in without_code.splitlines() if not line.lstrip().startswith(("|", "#", "<!--"))]
