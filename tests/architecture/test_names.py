"""Public names are used by the program: what only its tests use is dead code."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = ("harness", "made_frames", "probe", "yolo_v4")  # whose names must be used
USERS = ("bench", "build_package.py", "container", "docs", "environment.py", *PACKAGES)

BY_MODULE_NAME = "the command line imports the module by its name"
# Names that are used, though no module imports them; and by whom.
USED_OTHERWISE = {
    "harness.verbs.run.FLAGS": BY_MODULE_NAME,
    **{
        f"harness.verbs.{family}.{name}": BY_MODULE_NAME
        for family in (
            *("completion", "crate", "data", "look", "measure", "predict", "queue", "records"),
            *("report", "reproduce", "run", "tidy"),
        )
        for name in ("TITLE", "VERBS")
    },
    "yolo_v4.commands.check_spec.run": BY_MODULE_NAME,
    "yolo_v4.commands.compare.run": BY_MODULE_NAME,
    "yolo_v4.commands.dataset_convert.run": BY_MODULE_NAME,
    "yolo_v4.commands.evaluate.run": BY_MODULE_NAME,
    "yolo_v4.commands.export.run": BY_MODULE_NAME,
    "yolo_v4.commands.inference.run": BY_MODULE_NAME,
    "yolo_v4.commands.kmeans.run": BY_MODULE_NAME,
    "yolo_v4.commands.matmul_rate.run": BY_MODULE_NAME,
    "yolo_v4.commands.numerics.run": BY_MODULE_NAME,
    "yolo_v4.commands.predict.run": BY_MODULE_NAME,
    "yolo_v4.commands.train.run": BY_MODULE_NAME,
}


def modules_below(*names: str) -> dict[str, ast.Module]:
    """Syntax trees of the modules in these folders and files, without generated ones, by dotted name."""
    paths: list[Path] = []
    for name in names:
        path = CHECKOUT / name
        paths += [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))
    return {dotted(path): parsed(path) for path in paths if not is_generated(path)}


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__")


def is_generated(path: Path) -> bool:
    return path.stem.endswith("_pb2")


def definitions(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Each public name that a module defines at its top level, and the statement that defines it."""
    for statement in tree.body:
        names: list[str] = []
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [statement.name]
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            parts = [node for target in targets for node in ast.walk(target)]
            names = [node.id for node in parts if isinstance(node, ast.Name)]
        yield from ((name, statement) for name in names if not name.startswith("_"))


def names_read(statement: ast.stmt) -> set[str]:
    """Names of the module that a statement reads."""
    return {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def not_read_inside(tree: ast.Module) -> Iterator[str]:
    """Public names that no other statement of their module reads."""
    reads = {statement: names_read(statement) for statement in tree.body}
    for name, definition in definitions(tree):
        if not any(name in names for statement, names in reads.items() if statement is not definition):
            yield name


def names_used(tree: ast.Module) -> set[str]:
    """Dotted names that a module imports, and attributes that it reads of modules it imports."""
    imported = {}  # name in this module -> dotted name
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    owners = [(ast.unparse(node.value), node.attr) for node in attributes]
    return {*imported.values(), *(f"{imported[owner]}.{name}" for owner, name in owners if owner in imported)}


def unused(modules: dict[str, ast.Module], users: dict[str, ast.Module]) -> list[str]:
    used = set().union(*map(names_used, users.values()))
    found = {f"{module}.{name}" for module, tree in modules.items() for name in not_read_inside(tree)}
    return sorted(found - used)


@pytest.fixture(scope="module")
def unused_here() -> list[str]:
    return unused(modules_below(*PACKAGES), modules_below(*USERS))


def test_every_public_name_is_used(unused_here):
    assert [name for name in unused_here if name not in USED_OTHERWISE] == []


def test_exceptions_are_names_that_no_module_imports(unused_here):
    assert [name for name in USED_OTHERWISE if name not in unused_here] == []


def test_a_name_that_nobody_reads_is_found():
    library = ast.parse(
        "LIMIT = 3\nlost = 4\n\ndef helper():\n    return LIMIT\n\ndef alone():\n    return alone()\n"
    )
    user = ast.parse("from lib import parts\n\nparts.helper()\n")
    assert unused({"lib.parts": library}, {"app": user}) == ["lib.parts.alone", "lib.parts.lost"]
