"""What it takes it does; what it does not do it refuses by name: held by walking every route and every body."""

import ast
import json
from pathlib import Path

import pytest

import sandbox.polarsearch
from sandbox.polarsearch.app import ROUTES
from sandbox.polarsearch.processors import KINDS
from sandbox.polarsearch.shapes import ELSEWHERE, LEAVES, data
from sandbox.wire import Request

UNKNOWN = "no_such_key"
BODIES, FIELDS, ANALYSIS = data("bodies"), data("fields"), data("analysis")
EXAMPLES = {"object": {}, "list": [], "texts": ["a"], "scalar": "a", "text": "a", "bool": True, "any": {}, "number": 1}


def spoiled(shape, above=()):
    """Bodies of a shape with one unknown key each, at every level."""
    if isinstance(shape, list):
        yield from ([body] for body in spoiled(shape[0], above))
    elif isinstance(shape, dict):
        yield from spoiled_object(shape, above)
    else:
        shape = shape.rpartition("|")[2]
        name = shape[1:].rstrip("+")
        if shape in ELSEWHERE:
            yield from ELSEWHERES[shape]()
        elif shape.startswith("@") and name not in above:
            yield from spoiled(BODIES[name], (*above, name))


def spoiled_object(shape, above):
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
            return {key: example(inner)}
        return {key: example(shape[key]) for key in shape.get("…need", "").split()}
    if shape.startswith("@"):
        return example(BODIES[shape[1:].rstrip("+")])
    kind, *limits = shape.partition("|")[0].rstrip("?").split()
    return limits[0] if limits else EXAMPLES.get(kind, 1)


def spoiled_settings():
    yield {UNKNOWN: 1}
    yield {"index": {UNKNOWN: 1}}
    yield {"analysis": {UNKNOWN: {"mine": {"type": "a"}}}}
    for what, kinds in ANALYSIS["parameters"].items():
        for kind in kinds:
            component = {"type": kind, **({"tokenizer": "standard"} if (what, kind) == ("analyzer", "custom") else {})}
            yield {"analysis": {what: {"mine": {**component, UNKNOWN: 1}}}}


def spoiled_mappings():
    yield {UNKNOWN: 1}
    yield {"dynamic_templates": [{"mine": {"mapping": {"type": "text"}, UNKNOWN: 1}}]}
    for kind in [*FIELDS["fields"], *FIELDS["objects"], "knn_vector"]:
        field = {"type": kind, "dimension": 2} if kind == "knn_vector" else {"type": kind}
        yield {"properties": {"f": {**field, UNKNOWN: 1}}}
        yield {"properties": {"o": {"properties": {"f": {**field, UNKNOWN: 1}}}}}
    yield {"properties": {"f": {"type": "text", "fields": {"raw": {"type": "keyword", UNKNOWN: 1}}}}}
    yield {"properties": {"f": {"type": "knn_vector", "dimension": 2, "method": {"name": "hnsw", UNKNOWN: 1}}}}


def spoiled_ingest_pipelines():
    yield {"processors": [], UNKNOWN: 1}
    for kind, known in KINDS.items():
        config = {key: {"a": "b"} if key == "field_map" else "a" for key in known.required}
        yield {"processors": [{kind: {**config, UNKNOWN: 1}}]}
    yield {"processors": [{UNKNOWN: {}}]}


def spoiled_search_pipelines():
    yield {UNKNOWN: 1}
    yield {"request_processors": [{"neural_query_enricher": {"default_model_id": "m", UNKNOWN: 1}}]}
    for config in ({UNKNOWN: 1}, {"normalization": {UNKNOWN: 1}}, {"combination": {UNKNOWN: 1}},
                   {"combination": {"parameters": {UNKNOWN: 1}}}):  # fmt: skip
        yield {"phase_results_processors": [{"normalization-processor": config}]}
    yield {"response_processors": [{UNKNOWN: {}}]}


ELSEWHERES = {
    "settings": spoiled_settings,
    "mappings": spoiled_mappings,
    "ingest_pipeline": spoiled_ingest_pipelines,
    "search_pipeline": spoiled_search_pipelines,
}


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


@pytest.mark.parametrize("verb", ["index", "create", "update", "delete"])
def test_an_unknown_key_of_an_action_is_refused(ready, verb):
    lines = [{verb: {"_index": "there", "_id": "1", UNKNOWN: 1}}, *([] if verb == "delete" else [{"doc": {}}])]
    assert ready.raw("POST", "/_bulk", "".join(json.dumps(line) + "\n" for line in lines)).status == 400


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
    leaves = {word.rstrip("?") for shape in BODIES.values() for word in words(shape) if word[:1] not in "@"}
    assert leaves - LEAVES.keys() - ELSEWHERE == set()


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
