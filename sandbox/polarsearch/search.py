"""Searching: which documents, how well, in what order, and how much of each is shown."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sandbox.polarsearch import hybrid, objects, search_pipelines
from sandbox.polarsearch.calls import Call, Reply
from sandbox.polarsearch.errors import ApiError, index_not_found, not_here
from sandbox.polarsearch.index import StoredIndex
from sandbox.polarsearch.inner_hits import InnerHits, inner_hits
from sandbox.polarsearch.matches import Matches
from sandbox.polarsearch.names import resolve
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.queries import run
from sandbox.polarsearch.searched import Searched
from sandbox.polarsearch.settings import truth
from sandbox.polarsearch.shard import Doc
from sandbox.polarsearch.source import Wanted, checked_source, filtered, from_query

_COUNTED = 10000  # more hits than this are not counted unless asked for


@dataclass
class Asked:
    """One search request, body and query parameters together."""

    query: dict[str, Any] | None = None
    size: int = 10
    start: int = 0
    source: Wanted = True
    whole_total: bool = False
    version: bool = False
    numbered: bool = False
    filters: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Aggregations, each of the one kind that counts what a query matches."""

    @property
    def hybrid(self) -> dict[str, Any] | None:
        """The body of a hybrid query."""
        return (self.query or {}).get("hybrid")


@dataclass
class Hit:
    """A document found."""

    index: str
    doc: Doc
    score: float
    inner: dict[str, Any]


def parsed(call: Call, body: dict[str, Any]) -> Asked:
    """The request, body and parameters."""
    asked = Asked(query=body.get("query"), numbered=truth(body.get("seq_no_primary_term", False)))
    asked.filters = {name: each["filter"] for name, each in body.get("aggs", {}).items()}
    asked.source = checked_source(body["_source"]) if "_source" in body else from_query(call)
    size, start = call.number("size"), call.number("from")
    asked.size = int(body.get("size", 10)) if size is None else size
    asked.start = int(body.get("from", 0)) if start is None else start
    return asked


def search(node: Node, call: Call) -> Reply:
    """GET and POST /{index}/_search."""
    began = time.perf_counter()
    asked = parsed(call, call.json({}))
    with node.working():
        indices = resolve(node, call.path.get("index"))
        default = next((index.pipeline("search.default_pipeline") for index in indices), None)
        chosen = call.request.query.get("search_pipeline")
        pipeline = search_pipelines.chosen(node, chosen, default if len(indices) == 1 else None)
    asked.query = search_pipelines.resolved(node, _permitted(call, asked.query), pipeline)
    with node.working():
        answer, warnings = execute(node, indices, asked, search_pipelines.combination(pipeline))
    return Reply({"took": round((time.perf_counter() - began) * 1000), **answer}, warnings=warnings)


def _permitted(call: Call, query: Any) -> Any:
    """The query, where whoever asks may call the models in it."""
    if search_pipelines.calls_a_model(query):
        call.permit("cluster:admin/opensearch/ml/predict")
    return query


def execute(
    node: Node, indices: list[StoredIndex], asked: Asked, phase: dict[str, Any] | None = None
) -> tuple[dict[str, Any], list[str]]:
    """The answer but for `took`, and what of it is approximated. Call it with the node locked."""
    hits: list[Hit] = []
    warnings: list[str] = []
    total, best, counted_by = 0, None, dict.fromkeys(asked.filters, 0)
    if asked.hybrid is not None and len(indices) > 1:
        raise not_here("a hybrid query of several indexes is not supported")
    for index in indices:
        searched = Searched(index, node.version)
        _check_window(searched, asked)
        found, count, high = _hits(searched, asked, _matches(searched, asked, phase), _inner_hits(searched, asked))
        hits, total = hits + found, total + count
        for name, query in asked.filters.items():
            counted_by[name] += int((run(searched, query).mask & searched.live).sum())
        warnings += searched.warnings + index.approximations
        best = high if best is None or (high is not None and high > best) else best
    hits.sort(key=lambda hit: -hit.score)
    shards = sum(index.shards for index in indices)
    page = [_shown(hit, asked) for hit in hits[asked.start : asked.start + asked.size]]
    listed = _total(asked, total) | {"max_score": _max_score(asked, best, total), "hits": page}
    counted = {"total": shards, "successful": shards, "skipped": 0, "failed": 0}
    answer = {"timed_out": False, "_shards": counted, "hits": listed}
    counts = {name: {"doc_count": count} for name, count in counted_by.items()}
    return answer | ({"aggregations": counts} if counts else {}), warnings


def _check_window(searched: Searched, asked: Asked) -> None:
    most = int(searched.index.settings.get("index.max_result_window", _COUNTED))
    if asked.start + asked.size > most:
        raise not_here(f"Result window is too large, from + size must be less than or equal to: [{most}]")


def _matches(searched: Searched, asked: Asked, phase: dict[str, Any] | None) -> Matches:
    body = asked.hybrid
    if body is None:
        return run(searched, asked.query)
    paged = not asked.start or "pagination_depth" in body
    if phase is None or not paged or not 0 < len(body["queries"]) <= hybrid.MAX_QUERIES:
        raise not_here("a hybrid query of 1 to 5, with a search pipeline that normalizes, is what is supported")
    parts = [run(searched, query) for query in body["queries"]]
    depth = int(body.get("pagination_depth") or asked.start + asked.size)
    found = hybrid.combined([_best_of(searched, part, depth) for part in parts], phase)
    every = np.any([part.mask for part in parts], axis=0) & searched.live
    return Matches(found.mask, found.scores, int(every.sum()))


def _best_of(searched: Searched, part: Matches, depth: int) -> Matches:
    places = np.flatnonzero(part.mask & searched.live)
    kept = places[np.lexsort((places, -part.scores[places]))[:depth]]
    mask = np.zeros(searched.size, np.bool_)
    mask[kept] = True
    return Matches(mask, part.scores)


def _inner_hits(searched: Searched, asked: Asked) -> list[InnerHits]:
    shown = asked.hybrid is None or searched.version.has("hybrid_inner_hits")
    return list(inner_hits(searched, asked.query)) if shown else []


def _hits(
    searched: Searched, asked: Asked, matches: Matches, inner: list[InnerHits]
) -> tuple[list[Hit], int, float | None]:
    places = np.flatnonzero(matches.mask & searched.live)
    if not len(places):
        return [], 0, None
    scores = matches.scores[places]
    order = np.lexsort((places, -scores))[: asked.start + asked.size]
    docs, name = searched.view.docs, searched.index.name
    hits = [
        Hit(name, docs[place], float(str(score)), {each.name: each.shown(name, docs[place], place) for each in inner})
        for place, score in zip(places[order].tolist(), scores[order], strict=True)
    ]
    return hits, len(places) if matches.count is None else matches.count, float(str(scores.max()))


def _total(asked: Asked, total: int) -> dict[str, Any]:
    if asked.whole_total or total <= _COUNTED:
        return {"total": {"value": total, "relation": "eq"}}
    return {"total": {"value": _COUNTED, "relation": "gte"}}


def _max_score(asked: Asked, best: float | None, total: int) -> float | None:
    if asked.hybrid is not None and not total:
        return 0.0
    return None if asked.size == 0 else best


def _shown(hit: Hit, asked: Asked) -> dict[str, Any]:
    shown: dict[str, Any] = {"_index": hit.index, "_id": hit.doc.id}
    if asked.version:
        shown["_version"] = hit.doc.version
    if asked.numbered:
        shown |= {"_seq_no": hit.doc.seq, "_primary_term": 1}
    shown["_score"] = hit.score
    shown |= {"inner_hits": hit.inner} if hit.inner else {}
    return shown if asked.source is False else shown | {"_source": filtered(hit.doc.source, asked.source)}


def count(node: Node, call: Call) -> Reply:
    """How many documents match."""
    asked = Asked(query=call.json({}).get("query"), size=0, whole_total=True)
    asked.query = search_pipelines.resolved(node, _permitted(call, asked.query), {})
    with node.working():
        answer, _ = execute(node, resolve(node, call.path.get("index")), asked)
    return Reply({"count": answer["hits"]["total"]["value"], "_shards": answer["_shards"]})


def _ml_search(place: str) -> Any:
    def handle(node: Node, call: Call) -> Reply:
        """Search ML Commons' own objects; their versions are always shown, a credential never."""
        if not call.request.body:
            raise ApiError(400, "parse_exception", "request body or source parameter is required")
        asked = parsed(call, call.json())
        asked.version = asked.numbered = True
        asked.source = _without_secret(asked.source)
        if place not in node.indices and node.version.has("empty_searches"):
            return Reply(_NOTHING_THERE)
        if place not in node.indices:
            raise index_not_found(place)
        return Reply({"took": 1, **execute(node, [node.indices[place]], asked)[0]})

    return handle


_SECRET = ["credential", "connector.credential"]
_NOTHING_THERE: dict[str, Any] = {
    "took": 0,
    "timed_out": False,
    "_shards": {"total": 0, "successful": 0, "skipped": 0, "failed": 0},
    "hits": {"total": {"value": 0, "relation": "eq"}, "max_score": 0.0, "hits": []},
}


def _without_secret(wanted: Wanted) -> Wanted:
    if wanted is False:
        return False
    rules = dict(wanted) if isinstance(wanted, dict) else {"includes": [] if wanted is True else wanted}
    excludes = rules.get("excludes", [])
    return {**rules, "excludes": [*([excludes] if isinstance(excludes, str) else excludes), *_SECRET]}


find_groups, find_connectors, find_models = map(_ml_search, (objects.GROUPS, objects.CONNECTORS, objects.MODELS))
