"""A module or a function that outgrows a reader's head is two of them."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "packages").glob("*/src/**/*.py"))
MOST_LINES_OF_A_MODULE = 400
MOST_LINES_OF_A_FUNCTION = 60


def long_functions(source: str) -> list[str]:
    """The functions of a module that have too many lines, with how many."""
    lengths = {
        node.name: (node.end_lineno or node.lineno) - node.lineno + 1
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    return [f"{name}: {n}" for name, n in lengths.items() if n > MOST_LINES_OF_A_FUNCTION]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_short_and_so_are_its_functions(module: Path) -> None:
    source = module.read_text()

    assert len(source.splitlines()) <= MOST_LINES_OF_A_MODULE
    assert long_functions(source) == []


def test_a_long_function_is_found() -> None:
    body = "    pass\n" * MOST_LINES_OF_A_FUNCTION

    assert long_functions(f"def short():\n{body[9:]}\ndef long():\n{body}") == ["long: 61"]
