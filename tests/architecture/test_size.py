"""Files and functions stay small enough to be read in one go."""

import ast

import pytest

MOST_LINES_OF_A_FILE = 300
MOST_LINES_OF_A_FUNCTION = 60
BUDGETS = {"harness": 6000, "made_frames": 1700, "yolo_v4": 5000}


def test_no_file_is_longer_than_a_reader_can_hold(own_modules):
    lengths = {module.name: len(module.text.splitlines()) for module in own_modules}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES_OF_A_FILE} == {}


def test_no_function_is_longer_than_a_screen(own_modules):
    lengths = {
        f"{module.name}:{node.name}": node.end_lineno - node.lineno + 1
        for module in own_modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES_OF_A_FUNCTION} == {}


# Strict, so that the mark goes once the package is cut.
TOO_LARGE = {"harness": "measuring and queues made it 10,200 lines, to be cut"}
PACKAGES = [
    pytest.param(name, marks=pytest.mark.xfail(strict=True, reason=TOO_LARGE[name])) if name in TOO_LARGE else name
    for name in BUDGETS
]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_stays_within_its_budget_of_lines(package, own_modules):
    lines = sum(len(module.text.splitlines()) for module in own_modules if module.package == package)
    assert lines <= BUDGETS[package]
