"""Imports point one way: a module may import modules of earlier layers, never of its own or a later layer."""

from __future__ import annotations

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
LAYERS = [
    ["providers.kit.errors", "providers.kit.properties", "providers.kit.compare"],
    ["providers.kit.plan", "providers.kit.ownership", "providers.kit.wait", "providers.kit.adoption"],
    ["providers.kit.kind", "providers.kit.host", "providers.kit.program"],
    ["providers.kit.values"],
    ["providers.kit.provider"],
    ["providers.kit"],
    [
        "providers.services.advice",
        "providers.services.answers",
        "providers.services.column_types",
        "providers.services.embedding_answers",
        "providers.services.index_names",
        "providers.services.mappings",
        "providers.services.signing",
        "providers.services.sqltext",
        "providers.services.trust",
        "providers.services.texts",
        "providers.services.vector",
        "providers.services.version",
    ],
    ["providers.services.http", "providers.services.sql", "providers.services.process_functions"],
    ["providers.services.index_settings", "providers.services.whole_mapping", "providers.services.query"],
    ["providers.services.connections", "providers.services.mlcommons", "providers.services.index_meta"],
    ["providers.services.select", "providers.services.tables"],
    ["providers.services.autoetl", "providers.services.backfill"],
    ["providers.services.reconcile", "providers.services.refused_rows", "providers.services.links"],
    ["providers.services.inventory", "providers.services.objects"],
    ["providers.services.orphans"],
    ["providers.services.kind", "providers.services.prerequisites"],
    ["providers.services.pipelines"],
    ["providers.services"],
    ["providers.*"],
    ["components.embedding_services", "components.texts"],
    ["components.settings", "components.queries"],
    ["components.embedding_calls", "components.checkpoint"],
    [
        "components.embedding_requests",
        "components.embedding_validation",
        "components.generation",
        "components.text_mistakes",
    ],
    ["components.validation"],
    ["components.wiring", "components.configuration"],
    ["components.embedding_model", "components.collection"],
    ["components.semantic_search", "components.recovery"],
    ["components.preflight"],
    ["policies", "policies.rules"],
    ["policies.__main__"],
    ["__main__"],
    [
        "ops",
        "ops.figures",
        "ops.found",
        "ops.output",
        "ops.prices",
        "ops.privileges",
        "ops.progress",
        "ops.sentences",
        "ops.stack",
        "ops.tokens",
        "ops.vector_memory",
    ],
    ["ops.checks", "ops.digest", "ops.observation"],
    ["ops.changed_collection", "ops.changed_embedding", "ops.cost", "ops.texts"],
    ["ops.adoption"],
    ["ops.changes", "ops.examination", "ops.remade"],
    ["ops.adoptable"],
    ["ops.handover"],
    ["ops.adopt", "ops.comment", "ops.doctor", "ops.estimate", "ops.search", "ops.status"],
    ["ops.plan"],
    ["ops.app"],
    ["ops.__main__"],
    [f"examples.search_app.{name}" for name in ("settings", "queries", "sentences", "edits")],
    ["examples.search_app.hits", "examples.search_app.search"],
    ["examples.search_app.rows"],
    ["examples.search_app.state"],
    ["examples.search_app.pages"],
    ["examples.search_app.__main__"],
    ["examples.search_app"],
]
ONLY_HERE = {
    "httpx": {"providers.services.http"},
    "pymysql": {"providers.services.sql"},
    "sqlglot": {"providers.services.select"},
    "pulumi.dynamic": {"providers.kit.provider"},
    "grpc": {"providers.kit.host"},
}
PRODUCT, TOOLS = ("providers", "components"), ("sandbox", "engine", "dev")
APART = [(room, tool) for room in PRODUCT for tool in (*TOOLS, "bench")]
APART += [(tool, room) for tool in TOOLS for room in PRODUCT]
APART += [(room, other) for room in ("sandbox", "engine") for other in TOOLS if other != room]
APART += [("sandbox.polarsearch", "sandbox.polardb")]
APART += [(room, "ops") for room in (*PRODUCT, *TOOLS, "bench", "__main__")]
APART += [("ops", room) for room in (*TOOLS, "bench", "__main__", "policies")]
APART += [("policies", room) for room in (*TOOLS, "bench", "__main__", "ops")]
APART += [(room, "policies") for room in (*PRODUCT, *TOOLS, "bench", "__main__")]
ROOMS = (*PRODUCT, *TOOLS, "ops", "policies", "bench", "__main__")
APART += [pair for room in ROOMS for pair in (("examples", room), (room, "examples"))]


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[0] in (*PRODUCT, *TOOLS, "ops", "policies", "examples", "__main__"):
            yield ".".join(parts).removesuffix(".__init__"), path


def layer(module: str) -> int | None:
    for rank, names in enumerate(LAYERS):
        if module in names:
            return rank
    kinds = LAYERS.index(["providers.*"])
    return kinds if module.count(".") == 1 and module.startswith("providers.") else None


def imported(name: str, path: pathlib.Path):
    """Yields the full name of every imported module, including imports for type checkers only."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            up = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*up, *filter(None, [node.module])])
            if node.module:
                yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


MODULES = [pytest.param(name, path, id=name) for name, path in modules()]


@pytest.mark.parametrize(("name", "path"), MODULES)
def test_imports_point_one_way(name, path):
    here = layer(name)
    for target in imported(name, path):
        there = layer(target)
        if here is not None and there is not None:
            assert there < here, f"{name} imports {target}"


@pytest.mark.parametrize(("name", "path"), MODULES)
def test_each_library_is_imported_by_one_module(name, path):
    if not name.startswith(("providers", "components", "ops")):
        return
    for target in imported(name, path):
        for library, doors in ONLY_HERE.items():
            outside = target == library or target.startswith(f"{library}.")
            assert not outside or name in doors, f"only {', '.join(doors)} may import {library}"


@pytest.mark.parametrize(("name", "path"), MODULES)
def test_separate_rooms_do_not_import_each_other(name, path):
    for target in imported(name, path):
        for one, other in APART:
            together = f"{name}.".startswith(f"{one}.") and f"{target}.".startswith(f"{other}.")
            assert not together, f"{name} imports {target}"


def test_every_module_of_the_project_has_a_layer():
    placed = ("providers.", "components.", "ops.", "policies.", "examples.search_app.")
    unplaced = [name for name, _ in modules() if name.startswith(placed) and layer(name) is None]
    assert unplaced == []
