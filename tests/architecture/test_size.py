"""Files, functions and lines stay small enough to be read in one go."""

import ast

MOST_LINES_OF_A_FILE = 300
MOST_LINES_OF_A_FUNCTION = {"harness": 40, "made_frames": 40, "probe": 40, "yolo_v4": 40}
MOST_CHARACTERS_OF_A_LINE = 110


def test_no_file_is_longer_than_a_reader_can_hold(own_modules):
    lengths = {module.name: len(module.text.splitlines()) for module in own_modules}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES_OF_A_FILE} == {}


def test_no_function_is_longer_than_a_screen(own_modules):
    too_long = {
        f"{module.name}:{node.name}": node.end_lineno - node.lineno + 1
        for module in own_modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 > MOST_LINES_OF_A_FUNCTION[module.package]
    }
    assert too_long == {}


def test_no_line_is_longer_than_a_reader_takes_in(own_modules):
    too_long = [
        f"{module.name}:{number}"
        for module in own_modules
        for number, line in enumerate(module.text.splitlines(), start=1)
        if len(line) > MOST_CHARACTERS_OF_A_LINE
    ]
    assert too_long == []
