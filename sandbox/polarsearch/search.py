"""Searching: which documents, how well, in what order, and how much of each is shown."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sandbox.polarsearch import hybrid, neural, objects, search_pipelines
from sandbox.polarsearch.calls import Call, Reply, route
from sandbox.polarsearch.errors import ApiError, illegal_argument, index_not_found, not_here, parsing
from sandbox.polarsearch.index import Index
from sandbox.polarsearch.matches import Matches
from sandbox.polarsearch.names import resolve
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.queries import run
from sandbox.polarsearch.searched import Searched
from sandbox.polarsearch.settings import java_bool
from sandbox.polarsearch.shard import Doc
from sandbox.polarsearch.sorting import Sort, parse_sort
from sandbox.polarsearch.source import Wanted, checked_source, filtered, from_query

_COUNTED = 10000  # more hits than this are not counted unless asked for


@dataclass
class Asked:
    """One search request, body and query parameters together."""

    query: dict[str, Any] | None = None
    post_filter: dict[str, Any] | None = None
    size: int = 10
    start: int = 0
    sort: list[Sort] = field(default_factory=list)
    source: Wanted = True
    total: bool | int = _COUNTED
    min_score: float | None = None
    after: list[Any] | None = None
    version: bool = False
    numbered: bool = False

    @property
    def hybrid(self) -> dict[str, Any] | None:
        """The body of a hybrid query."""
        return (self.query or {}).get("hybrid")


@dataclass
class Hit:
    """A document found."""

    index: Index
    doc: Doc
    score: float
    keys: list[Any]
    shown: list[Any]


def parsed(call: Call, body: dict[str, Any]) -> Asked:
    """The request. Raises for values that cannot be."""
    asked = Asked(query=body.get("query"), post_filter=body.get("post_filter"))
    asked.min_score = None if body.get("min_score") is None else float(body["min_score"])
    asked.source = checked_source(body["_source"]) if "_source" in body else from_query(call)
    asked.version, asked.numbered = (java_bool(body.get(key, False)) for key in ("version", "seq_no_primary_term"))
    _window(asked, call, body)
    asked.sort, asked.after = parse_sort(body.get("sort", [])), body.get("search_after")
    if asked.after is not None and (len(asked.after) != len(asked.sort) or not asked.sort or asked.start):
        raise not_here("[search_after] takes one value for each sort, and no [from]")
    if asked.hybrid is not None and (asked.sort or asked.post_filter or asked.min_score is not None or asked.after):
        raise not_here("a hybrid query with [sort], [post_filter], [min_score] or [search_after] is not supported")
    return asked


def _window(asked: Asked, call: Call, body: dict[str, Any]) -> None:
    numbers = {"size": 10, "from": 0}
    for name in numbers:
        given = call.number(name)
        numbers[name] = int(body.get(name, numbers[name])) if given is None else given
        if numbers[name] < 0:
            raise illegal_argument(f"[{name}] parameter cannot be negative, found [{numbers[name]}]")
    asked.size, asked.start = numbers["size"], numbers["from"]
    total = call.request.query.get("track_total_hits", body.get("track_total_hits", _COUNTED))
    asked.total = int(total) if str(total).isdigit() else java_bool(total)


def search(node: Node, call: Call) -> Reply:
    """GET and POST /{index}/_search."""
    began = time.perf_counter()
    asked = parsed(call, call.json({}))
    with node.working():
        indices = resolve(node, call.path.get("index"))
        default = next((index.pipeline("search.default_pipeline") for index in indices), None)
        chosen = call.request.query.get("search_pipeline")
        pipeline = search_pipelines.chosen(node, chosen, default if len(indices) == 1 else None)
    asked.query = neural.resolved(node, asked.query, pipeline)
    with node.working():
        answer, warnings = execute(node, indices, asked, search_pipelines.combination(pipeline))
    return Reply({"took": round((time.perf_counter() - began) * 1000), **answer}, warnings=warnings)


def execute(
    node: Node, indices: list[Index], asked: Asked, phase: dict[str, Any] | None = None
) -> tuple[dict[str, Any], list[str]]:
    """The answer but for `took`, and what of it is approximated. Call it with the node locked."""
    hits: list[Hit] = []
    warnings: list[str] = []
    total, best = 0, None
    if asked.hybrid is not None and len(indices) > 1:
        raise not_here("a hybrid query of several indexes is not supported")
    for index in indices:
        searched = Searched(index, node.version)
        _check_window(searched, asked)
        found, count, high = _hits(searched, asked, _matches(searched, asked, phase))
        hits, total = hits + found, total + count
        warnings += searched.warnings + index.approximations
        best = high if best is None or (high is not None and high > best) else best
    hits.sort(key=lambda hit: hit.keys)
    shards = sum(index.shards for index in indices)
    page = [_shown(hit, asked) for hit in hits[asked.start : asked.start + asked.size]]
    listed = _total(asked, total) | {"max_score": _max_score(asked, best, total), "hits": page}
    counted = {"total": shards, "successful": shards, "skipped": 0, "failed": 0}
    return {"timed_out": False, "_shards": counted, "hits": listed}, warnings


def _check_window(searched: Searched, asked: Asked) -> None:
    most = int(searched.index.settings.get("index.max_result_window", _COUNTED))
    if asked.start + asked.size > most:
        raise searched.failed(
            f"Result window is too large, from + size must be less than or equal to: [{most}] but was "
            f"[{asked.start + asked.size}]. See the scroll api for a more efficient way to request large data sets. "
            "This limit can be set by changing the [index.max_result_window] index level setting.",
            kind="illegal_argument_exception",
        )


def _matches(searched: Searched, asked: Asked, phase: dict[str, Any] | None) -> Matches:
    body = asked.hybrid
    if body is None:
        return run(searched, asked.query)
    queries = body.get("queries") or []
    if not queries:
        raise parsing("[_na] query malformed, must start with start_object")
    if len(queries) > hybrid.MAX_QUERIES:
        raise parsing("Number of sub-queries exceeds maximum supported by [hybrid] query")
    if asked.start and "pagination_depth" not in body:
        reason = "pagination_depth param is missing in the search request"
        raise searched.failed(reason, kind="illegal_argument_exception")
    parts = [run(searched, query) for query in queries]
    if phase is None:
        raise not_here("a hybrid query without a search pipeline that normalizes scores is not supported")
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


def _hits(searched: Searched, asked: Asked, matches: Matches) -> tuple[list[Hit], int, float | None]:
    mask = matches.mask & searched.live
    if asked.min_score is not None:
        mask &= matches.scores >= np.float32(asked.min_score)
    if asked.post_filter is not None:
        mask &= run(searched, asked.post_filter).mask
    kinds = [each.kind(searched) for each in asked.sort]
    places = np.flatnonzero(mask)
    if not len(places):
        return [], 0, None
    scores = matches.scores[places]
    if not asked.sort:
        order = np.lexsort((places, -scores))[: asked.start + asked.size]
        hits = [_hit(searched, int(places[at]), scores[at], [], []) for at in order]
    else:
        hits = [_hit(searched, int(p), score, asked.sort, kinds) for p, score in zip(places, scores, strict=True)]
        hits = [hit for hit in hits if asked.after is None or _is_after(hit, asked)]
    return hits, len(places) if matches.count is None else matches.count, float(str(scores.max()))


def _hit(searched: Searched, place: int, score: Any, sort: list[Sort], kinds: list[str | None]) -> Hit:
    number, doc = float(str(score)), searched.index.view().docs[place]
    if not sort:
        return Hit(searched.index, doc, number, [-number], [])
    pairs = [each.key(searched, kind, place, number) for each, kind in zip(sort, kinds, strict=True)]
    return Hit(searched.index, doc, number, [key for key, _ in pairs], [shown for _, shown in pairs])


def _is_after(hit: Hit, asked: Asked) -> bool:
    pairs = zip(asked.sort, asked.after or [], strict=True)
    return hit.keys > [each.of_value(value) for each, value in pairs]


def _total(asked: Asked, total: int) -> dict[str, Any]:
    if asked.total is False:
        return {}
    if asked.total is True or total <= asked.total:
        return {"total": {"value": total, "relation": "eq"}}
    return {"total": {"value": int(asked.total), "relation": "gte"}}


def _max_score(asked: Asked, best: float | None, total: int) -> float | None:
    if asked.hybrid is not None and not total:
        return 0.0
    return None if asked.sort or asked.size == 0 else best


def _shown(hit: Hit, asked: Asked) -> dict[str, Any]:
    shown: dict[str, Any] = {"_index": hit.index.name, "_id": hit.doc.id}
    if asked.version:
        shown["_version"] = hit.doc.version
    if asked.numbered:
        shown |= {"_seq_no": hit.doc.seq, "_primary_term": 1}
    shown["_score"] = hit.score if not asked.sort or any(each.name == "_score" for each in asked.sort) else None
    if asked.source is not False:
        shown["_source"] = filtered(hit.doc.source, asked.source)
    return shown | ({"sort": hit.shown} if asked.sort else {})


def count(node: Node, call: Call) -> Reply:
    """How many documents match."""
    asked = Asked(query=call.json({}).get("query"), size=0, total=True)
    asked.query = neural.resolved(node, asked.query, {})
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


_PARAMS = "size from _source _source_includes _source_excludes track_total_hits search_pipeline"
_READ, _ML = "indices:data/read/search", "/_plugins/_ml"
_PLACES = {"model_groups": objects.GROUPS, "connectors": objects.CONNECTORS, "models": objects.MODELS}
ROUTES = [
    route("GET POST", "/_search", search, _READ, _PARAMS, body="search", unlocked=True),
    route("GET POST", "/{index}/_search", search, _READ, _PARAMS, body="search", unlocked=True),
    route("GET POST", "/{index}/_count", count, _READ, body="count", unlocked=True),
    *(
        route(
            "POST", f"{_ML}/{name}/_search", _ml_search(at), f"cluster:admin/opensearch/ml/{name}/search", body="search"
        )
        for name, at in _PLACES.items()
    ),
]
