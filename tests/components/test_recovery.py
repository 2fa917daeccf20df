"""What a killed run left behind: recognised by state alone, and deleted unless something that stays uses it."""

from __future__ import annotations

import pulumi
import pytest

from components.preflight import require_possible
from components.recovery import LATE, Recovery
from components.settings import Collection, Embedding
from components.wiring import StackWiring
from providers.kit import Clock, NotFound, owner_of

EMBEDDING = Embedding(url="https://e.test/v1", model="m", dimension=8, api_key="sk-one")
DOCS = Collection(
    name="docs",
    source={"table": "db.t", "columns": {"id": "INT", "t2": "TEXT"}, "primary_key": "id"},
    fields={"id": "id", "text": "t2"},
    mapping={"id": {"type": "integer"}, "text": {"type": "text"}, "vector": {"type": "knn_vector"}},
    field_map={"text": "vector"},
)
NEXT = DOCS.model_copy(update={"revision": 2})
NOW = 1_700_000_000
URN = "urn:pulumi:s::p::polardb:semanticsearch:SemanticSearchStack$pulumi-python:dynamic/polarsearch:X::"


def wiring(collection=DOCS, **embedding):
    return StackWiring("search", EMBEDDING.model_copy(update=embedding), [collection])


INDEX, NEXT_INDEX = (wiring(each).collection(each).names.index for each in (DOCS, NEXT))


@pytest.fixture(autouse=True)
def stack(monkeypatch):
    monkeypatch.setattr(pulumi, "get_project", lambda: "p")
    monkeypatch.setattr(pulumi, "get_stack", lambda: "s")


@pytest.fixture
def polardb(start_polardb):
    polardb = start_polardb(polardb_version="8.0.1.1.54")
    polardb.run("CREATE DATABASE db")
    return polardb


def state(begun=None, ended=None, resumed_at=0.0, **uids):
    """Returns a state in which a run with one configuration began, and one with another ended."""
    began = {"run": begun and begun.garbage_collector().inputs.configuration}
    run = ended.garbage_collector().inputs.configuration if ended else ""
    declared = [(each.garbage_collector(), began) for each in [begun] if each]
    declared += [(each.deletion_guard([], [], run), {"resumed_at": resumed_at}) for each in [ended] if each]
    outputs = {each.name: {**each.inputs.declared(), "owner": owner_of(each.name), **more} for each, more in declared}
    outputs |= {name: {"owner": f"p/s/{name}", "uid": uid} for name, uid in uids.items()}
    return {URN + name: {"outputs": each} for name, each in outputs.items()}


@pytest.mark.parametrize(
    ("begun", "ended", "did_not_end"),
    [
        (None, None, False),
        (DOCS, None, True),
        (DOCS, DOCS, False),
        (NEXT, DOCS, True),
        (DOCS.model_copy(update={"replicas": 2, "cutover_timeout": 3}), DOCS, True),
    ],
    ids=["nothing", "a first run that was killed", "a run that ended", "another generation", "changed in place"],
)
def test_a_run_did_not_end_where_state_has_two(begun, ended, did_not_end):
    made = {name: each and wiring(each) for name, each in {"begun": begun, "ended": ended}.items()}
    assert Recovery(wiring(), state(**made)).did_not_end is did_not_end


@pytest.mark.parametrize(
    ("resumed_at", "last_run"), [(0, "ended"), (NOW - LATE, "ended"), (NOW - LATE + 1, "resumed"), (NOW, "resumed")]
)
def test_requests_of_a_run_that_was_resumed_may_come_for_an_hour(resumed_at, last_run):
    shown = state(begun=wiring(), ended=wiring(), resumed_at=resumed_at)
    assert Recovery(wiring(), shown).last_run(NOW) == last_run
    assert Recovery(wiring(), state(begun=wiring(NEXT), ended=wiring(), resumed_at=resumed_at)).last_run(NOW) == (
        "did not end"
    )


def test_another_key_is_another_digest(declare):
    one, other = (each.garbage_collector().inputs.configuration for each in (wiring(), wiring(api_key="sk-other")))
    assert one != other
    assert "sk-" not in one + other


def test_a_digest_of_secrets_is_known_once_they_are(declare):
    seen = []

    def program():
        pulumi.Output.from_input(
            wiring(api_key=pulumi.Output.secret("sk-one")).garbage_collector().inputs.configuration
        ).apply(seen.append)

    declare(program)
    assert seen == [wiring().garbage_collector().inputs.configuration]


@pytest.fixture
def run(polardb):
    """The program's preflight, with this state."""
    return lambda shown: require_possible(polardb.connections, "search", EMBEDDING, [DOCS], lambda: shown)


def meta(name, uid="00ff", **others):
    return {"mappings": {"_meta": {"pulumi": {"index": f"p/s/{name}#{uid}", **others}}}}


@pytest.fixture
def left(rest):
    """Another generation's pipelines and index, which a killed run left behind."""
    for path, name in (("_ingest", "ingest"), ("_search", "search")):
        body = {"description": f"[pulumi:p/s/search-docs-{name}-pipeline#00ff]", "processors": []}
        rest.put(f"/{path}/pipeline/{NEXT_INDEX}", body if name == "ingest" else {"description": body["description"]})
    rest.put(f"/{NEXT_INDEX}", {**meta("search-docs-index"), "settings": {"index.default_pipeline": NEXT_INDEX}})
    rest.put(f"/{INDEX}", meta("search-docs-index", uid="1"))


def names(rest):
    return [listed(rest, path) for path in ("/_alias", "/_ingest/pipeline", "/_search/pipeline")]


def listed(rest, path):
    try:
        return sorted(rest.get(path))
    except NotFound:
        return []


def test_what_a_killed_run_left_is_deleted(run, rest, left):
    run(state(begun=wiring(NEXT), ended=wiring()) | state(**{"search-docs-index": "1"}))
    assert names(rest) == [[INDEX], [], []]


def test_without_a_sign_nothing_is_asked_for(run, rest, left, search):
    rest.delete(f"/{NEXT_INDEX}")
    search.application.requests.reset()
    run(state(begun=wiring(), ended=wiring()) | state(**{"search-docs-index": "1"}))
    assert sum(search.application.requests.counts().values()) <= 2
    assert names(rest) == [[INDEX], [NEXT_INDEX], [NEXT_INDEX]]


def test_what_came_late_is_deleted(run, rest, left, monkeypatch, polardb):
    """A run resumed the one that was killed, and ended; then a request of that one arrived."""
    monkeypatch.setattr(polardb.connections, "clock", Clock(time=lambda: NOW))
    rest.delete(f"/{NEXT_INDEX}")
    run(state(begun=wiring(), ended=wiring(), resumed_at=NOW - 10) | state(**{"search-docs-index": "1"}))
    assert names(rest) == [[INDEX], [], []]


def test_an_index_that_nobody_knows_is_a_sign(run, rest, left):
    run(state(begun=wiring(), ended=wiring()) | state(**{"search-docs-index": "1"}))
    assert names(rest) == [[INDEX], [], []]


def test_an_index_that_was_handed_over_and_not_taken_over_yet_is_none_that_a_run_left(run, rest):
    references = {"index": "p/s/search-docs-index#", "link": "p/s/search-docs-link#"}
    rest.put("/test_index", {"mappings": {"_meta": {"pulumi": references}}})
    run(state(begun=wiring(NEXT), ended=wiring()))
    assert "test_index" in rest.get("/_alias")


def test_what_a_served_index_uses_is_kept_though_it_waits_to_be_deleted(run, rest, left):
    """State does not tell of resources that others have replaced."""
    served = {"alias:docs": "p/s/search-docs-alias#2"}
    rest.put(f"/{NEXT_INDEX}/_mapping", meta("search-docs-index", **served)["mappings"])
    rest.post("/_aliases", {"actions": [{"add": {"index": NEXT_INDEX, "alias": "docs"}}]})
    run(state(begun=wiring(NEXT), ended=wiring()) | state(**{"search-docs-index": "1", "search-docs-alias": "2"}))
    assert names(rest) == [sorted([INDEX, NEXT_INDEX]), [NEXT_INDEX], []]


def test_protected_documents_are_kept(run, rest, left):
    rest.put(f"/{NEXT_INDEX}/_mapping", meta("search-docs-index", protected="true")["mappings"])
    rest.put(f"/{NEXT_INDEX}/_doc/1?pipeline=_none", {"id": 1})
    run(state(begun=wiring(NEXT), ended=wiring()) | state(**{"search-docs-index": "1"}))
    assert names(rest) == [sorted([INDEX, NEXT_INDEX]), [NEXT_INDEX], []]
