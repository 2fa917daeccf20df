"""No module of the database imports, by whatever way, a module that imports it."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import sandbox.polardb

FOLDER = Path(sandbox.polardb.__file__).parent


def imported(path):
    """The modules of this folder that a module names; imports that only type checkers see count too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "sandbox.polardb":
            yield from (alias.name for alias in node.names if (FOLDER / f"{alias.name}.py").exists())
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sandbox.polardb."):
            yield node.module.rpartition(".")[2]


def test_imports_have_no_cycle():
    graph = {path.stem: {*imported(path)} for path in FOLDER.glob("*.py") if path.stem != "__init__"}
    order = list(TopologicalSorter(graph).static_order())
    assert order.index("errors") < order.index("session") < order.index("server")
