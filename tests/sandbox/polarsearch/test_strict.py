"""What it takes it does; what it does not do it refuses by name: held by walking every route and every body."""

import ast
import json
from pathlib import Path

import pytest

import sandbox.polarsearch
from sandbox.polarsearch.app import ROUTES
from sandbox.polarsearch.shapes import LEAVES, data
from sandbox.wire import Request

UNKNOWN = "no_such_key"
BODIES = data("bodies")
SHAPES = {**BODIES, **data("analysis")["shapes"]}
EXAMPLES = {"name": "a", "word": "a", "words": ["a"], "object": {}, "list": [], "texts": ["a"], "scalar": "a",
            "text": "a", "bool": True, "any": {}, "numbers": [1], "whole": 16, "number": 1}  # fmt: skip


def spoiled(shape, above=()):
    """Bodies of a shape with one unknown key each, at every level."""
    if isinstance(shape, list):
        yield from ([body] for body in spoiled(shape[0], above))
    elif isinstance(shape, dict):
        yield from spoiled_object(shape, above)
    else:
        name = shape.rpartition("|")[2][1:].rstrip("+")
        if "@" in shape and name not in above:
            yield from spoiled(SHAPES[name], (*above, name))


def spoiled_object(shape, above):
    if "…by" in shape:
        for kind, inner in {**SHAPES.get(shape.get("…else"), {}), **shape}.items():
            if not kind.startswith("…"):
                yield from ({shape["…by"].split()[0]: kind, **body} for body in spoiled_object(inner, above))
        return
    table, whole = shape.get("?", shape), {} if "?" in shape else example(shape)
    if "*" not in table:
        yield {**whole, UNKNOWN: 1}
    for key, inner in table.items():
        if not key.startswith("…"):
            name = "a" if key == "*" else key
            yield from ({**whole, name: body} for body in spoiled(inner, above))


def example(shape):
    """The least body of a shape."""
    if isinstance(shape, list):
        return []
    if isinstance(shape, dict):
        if "?" in shape:
            key, inner = next(iter(shape["?"].items()))
            return {"a" if key == "*" else key: example(inner)}
        return {key: example({**SHAPES.get(shape.get("…and"), {}), **shape}[key])
                for key in shape.get("…need", "").split()}  # fmt: skip
    if shape.startswith("@"):
        return example(SHAPES[shape[1:].rstrip("+")])
    kind, *limits = shape.partition("|")[0].rstrip("?").split()
    return EXAMPLES[kind] if kind in EXAMPLES else limits[0]


@pytest.fixture
def ready(client):
    """A client of a node that has what the routes' parameters name."""
    client.ok("PUT", "/there", {"settings": {"index.knn": True}})
    client.ok("PUT", "/there/_doc/there", {"a": "b"})
    client.ok("PUT", "/_ingest/pipeline/there", {"processors": []})
    return client


def filled(route):
    """The route's path; what is made is new, everything else is there."""
    made = route.methods[0] == "PUT" and route.path == "/{index}"
    path = route.path.replace("{algorithm}", "text_embedding")
    return "/".join(("new" if made else "there") if part[:1] == "{" else part for part in path.split("/"))


def sent(route, body):
    """As lines where the body is lines."""
    if route.path.endswith("_bulk"):
        action = {"index": {"_index": "there", **body}}
        return json.dumps(action) + "\n{}\n"
    return json.dumps(body)


WITH_BODIES = [route for route in ROUTES if route.body and BODIES[route.body] != "object"]


@pytest.mark.parametrize("route", WITH_BODIES, ids=lambda route: f"{route.methods[0]} {route.path}")
def test_an_unknown_key_is_refused_at_every_level_of_every_body(ready, route):
    bodies = list(spoiled(BODIES[route.body]))
    assert bodies
    for body in bodies:
        response = ready.raw(route.methods[-1], filled(route), sent(route, body))
        assert response.status in {400, 500}, (body, response.body)
        assert response.status == 400 or b"(in the sandbox)" in response.body, (body, response.body)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.methods[0]} {route.path}")
def test_an_unknown_parameter_is_refused_on_every_route(ready, route):
    for name in (UNKNOWN, "human"):
        assert ready.raw(route.methods[-1], f"{filled(route)}?{name}=x").status == 400


@pytest.mark.parametrize("route", [r for r in ROUTES if r.body is None], ids=lambda r: f"{r.methods[0]} {r.path}")
def test_a_body_is_refused_where_there_is_none(ready, route):
    assert ready.reason(route.methods[0], filled(route), {"a": 1})[1].endswith("does not support having a body")


def spoiled_settings():
    yield {"settings": {UNKNOWN: 1}}
    yield {"settings": {"index": {UNKNOWN: 1}}}
    yield from ({"settings": {"analysis": body}} for body in spoiled(SHAPES["analysis"]))


@pytest.mark.parametrize("body", list(spoiled_settings()), ids=json.dumps)
def test_an_unknown_setting_is_refused(client, body):
    assert client.reason("PUT", "/i", body)[1].endswith("(in the sandbox)")
    client.ok("PUT", "/i", {})
    assert client.reason("PUT", "/i/_settings", body["settings"])[1].endswith("(in the sandbox)")


def test_a_script_that_is_not_known_is_refused_by_name(client):
    script = {"script": {"source": "ctx.a = 1", "params": {}}}
    _, reason = client.reason("PUT", "/_ingest/pipeline/p", {"processors": [script]})
    assert reason.startswith("the script [")
    assert reason.endswith("is not supported (in the sandbox)")


@pytest.mark.parametrize("text", ["a mug ☕", "cafe\u0301", "½ litre"])
def test_a_text_that_may_be_chunked_in_another_way_is_refused_by_name(client, text):
    chunking = {"algorithm": {"fixed_token_length": {}}, "field_map": {"a": "b"}}
    client.ok("PUT", "/_ingest/pipeline/p", {"processors": [{"text_chunking": chunking}]})
    _, reason = client.reason("PUT", "/i/_doc/1?pipeline=p", {"a": text})
    assert reason.endswith("is not chunked (in the sandbox)")


def test_every_leaf_of_the_data_is_one_that_is_checked():
    leaves = {word.rstrip("?") for shape in SHAPES.values() for word in words(shape) if word[:1] not in "@"}
    settings, params = data("settings"), data("params")
    for table in (settings["dynamic"], settings["static"], settings["cluster"], params["values"]):
        leaves |= {word for leaf in table.values() for word in words(leaf)}
    assert leaves - LEAVES.keys() == set()


def words(shape):
    if isinstance(shape, str):
        yield from (part.split()[0] for part in shape.split("|"))
    elif isinstance(shape, list):
        yield from words(shape[0])
    else:
        for key, inner in shape.get("?", shape).items():
            if not key.startswith("…"):
                yield from words(inner)


def test_what_makes_no_sense_says_whose_refusal_it_is(application):
    response = application.handle(Request.of("PUT", "/i", {"content-type": "application/json"}, b'{"settings": [1]}'))
    assert (response.status, b"(in the sandbox)" in response.body) == (400, True)


def imports(path):
    """The modules of the package that a module imports, for types as well."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "sandbox.polarsearch":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sandbox.polarsearch."):
            yield node.module.rpartition(".")[2]


def test_no_module_imports_itself_by_way_of_others():
    folder = Path(sandbox.polarsearch.__file__).parent
    graph = {path.stem: set(imports(path)) for path in folder.glob("*.py") if path.stem != "__init__"}
    while leaves := {name for name, wanted in graph.items() if not wanted & graph.keys()}:
        graph = {name: wanted for name, wanted in graph.items() if name not in leaves}
    assert graph == {}
