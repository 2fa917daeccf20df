"""Searching: which documents, how well, in what order, and how much of each is shown.

Only refreshed documents are found. Scores are 32-bit and ties go to the older document.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sandbox.polarsearch import neural, objects, search_pipelines
from sandbox.polarsearch.calls import EXPANDS, Call, Reply, route
from sandbox.polarsearch.errors import ApiError, illegal_argument, index_not_found, parsing
from sandbox.polarsearch.fields import Searched
from sandbox.polarsearch.hybrid import MAX_QUERIES, combined
from sandbox.polarsearch.index import Index
from sandbox.polarsearch.matches import Matches
from sandbox.polarsearch.names import resolve
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.query import run
from sandbox.polarsearch.settings import java_bool
from sandbox.polarsearch.shard import Doc
from sandbox.polarsearch.sorting import Sort, parse_sort
from sandbox.polarsearch.source import Wanted, filtered, from_query

_KEYS = {"query", "size", "from", "sort", "_source", "track_total_hits", "min_score", "version", "seq_no_primary_term",
         "search_after", "stored_fields", "fields", "timeout", "explain", "profile", "track_scores", "post_filter",
         "search_pipeline", "ext", "docvalue_fields", "terminate_after", "stats"}  # fmt: skip
_COUNTED = 10000  # more hits than this are not counted unless asked for


@dataclass
class Asked:
    """One search request, body and query parameters together."""

    query: dict[str, Any] | None = None
    size: int = 10
    start: int = 0
    sort: list[Sort] = field(default_factory=list)
    source: Wanted = True
    total: bool | int = _COUNTED
    min_score: float | None = None
    after: list[Any] | None = None
    numbered: bool = False
    fields: list[str] = field(default_factory=list)
    pipeline: str | None = None


@dataclass
class Hit:
    """A document found."""

    index: Index
    doc: Doc
    place: int
    score: float
    keys: list[Any]
    shown: list[Any]


def parsed(call: Call, body: dict[str, Any]) -> Asked:
    """Raises parsing_exception for a key that no search has."""
    for key, value in body.items():
        if key not in _KEYS:
            kind = (
                "START_OBJECT"
                if isinstance(value, dict)
                else "START_ARRAY"
                if isinstance(value, list)
                else "VALUE_NUMBER"
            )
            extra = {"line": 1, "col": 2}
            raise ApiError(400, "parsing_exception", f"Unknown key for a {kind} in [{key}].", extra=extra)
    asked = Asked(query=body.get("query"), after=body.get("search_after"), min_score=body.get("min_score"))
    asked.pipeline = call.request.query.get("search_pipeline", body.get("search_pipeline"))
    asked.source = body["_source"] if "_source" in body else from_query(call)
    if body.get("stored_fields") is not None and "_source" not in body:
        asked.source = False
    asked.fields = list(body.get("fields") or [])
    asked.numbered = bool(body.get("version") or body.get("seq_no_primary_term"))
    _window(asked, call, body)
    asked.sort = parse_sort(body.get("sort", [part for part in call.text("sort").split(",") if part]))
    if "q" in call.request.query:
        asked.query = {"query_string": {"query": call.text("q")}}
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
    asked = parsed(call, call.json({}) or {})
    with node.working():
        indices = _indices(node, call)
        default = next((index.pipeline("search.default_pipeline") for index in indices), None)
        pipeline = search_pipelines.chosen(node, asked.pipeline, default if len(indices) == 1 else None)
    asked.query = neural.resolved(node, asked.query, pipeline)
    with node.working():
        answer = execute(node, indices, asked, search_pipelines.combination(pipeline))
    return Reply({"took": round((time.perf_counter() - began) * 1000), **answer})


def _indices(node: Node, call: Call) -> list[Index]:
    try:
        return resolve(node, call.path.get("index"))
    except ApiError as error:
        if error.kind == "index_not_found_exception" and call.flag("ignore_unavailable"):
            return []
        raise


def execute(node: Node, indices: list[Index], asked: Asked, phase: dict[str, Any] | None = None) -> dict[str, Any]:
    """The answer but for `took`. Call it with the node locked."""
    hits: list[Hit] = []
    total, best = 0, None
    for index in indices:
        searched = Searched(index, node.version)
        _check_window(searched, asked)
        matches = _matches(searched, asked, phase)
        found, count, high = _hits(searched, asked, matches)
        hits, total = hits + found, total + count
        best = high if best is None or (high is not None and high > best) else best
    hits.sort(key=lambda hit: hit.keys)
    page = hits[asked.start : asked.start + asked.size]
    shards = sum(index.shards for index in indices)
    return {
        "timed_out": False,
        "_shards": {"total": shards, "successful": shards, "skipped": 0, "failed": 0},
        "hits": _total(asked, total)
        | {"max_score": _max_score(asked, best, total), "hits": [_shown(hit, asked) for hit in page]},
    }


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
    if not asked.query or "hybrid" not in asked.query:
        return run(searched, asked.query)
    body = asked.query["hybrid"]
    queries = body.get("queries") or []
    if not queries:
        raise parsing("[_na] query malformed, must start with start_object")
    if len(queries) > MAX_QUERIES:
        raise parsing("Number of sub-queries exceeds maximum supported by [hybrid] query")
    if asked.start and "pagination_depth" not in body:
        reason = "pagination_depth param is missing in the search request"
        raise searched.failed(reason, kind="illegal_argument_exception")
    filters = [body["filter"]] if body.get("filter") else []
    queries = [{"bool": {"must": [query], "filter": filters}} if filters else query for query in queries]
    parts = [run(searched, query) for query in queries]
    depth = int(body.get("pagination_depth") or asked.start + asked.size)
    found = combined([_best_of(searched, part, depth) for part in parts], phase)
    every = np.any([part.mask for part in parts], axis=0) & searched.live
    return Matches(found.mask, found.scores, int(every.sum()))


def _best_of(searched: Searched, part: Matches, depth: int) -> Matches:
    """What one query of a hybrid brings in: its best hits, as many as a page."""
    places = np.flatnonzero(part.mask & searched.live)
    kept = places[np.lexsort((places, -part.scores[places]))[:depth]]
    mask = np.zeros(searched.size, np.bool_)
    mask[kept] = True
    return Matches(mask, part.scores)


def _hits(searched: Searched, asked: Asked, matches: Matches) -> tuple[list[Hit], int, float | None]:
    mask = matches.mask & searched.live
    if asked.min_score is not None:
        mask &= matches.scores >= np.float32(asked.min_score)
    places = np.flatnonzero(mask)
    if not len(places):
        return [], 0, None
    scores = matches.scores[places]
    wanted = asked.start + asked.size
    if not asked.sort:
        order = np.lexsort((places, -scores))[:wanted]
        hits = [_hit(searched, int(places[at]), scores[at], []) for at in order]
    else:
        hits = [_hit(searched, int(place), score, asked.sort) for place, score in zip(places, scores, strict=True)]
        hits = [hit for hit in hits if asked.after is None or _is_after(hit, asked)]
    return hits, len(places) if matches.count is None else matches.count, float(str(scores.max()))


def _hit(searched: Searched, place: int, score: Any, sort: list[Sort]) -> Hit:
    number = float(str(score))
    if not sort:
        return Hit(searched.index, searched.view.docs[place], place, number, [-number], [])
    pairs = [each.key(searched, place, number) for each in sort]
    return Hit(
        searched.index,
        searched.view.docs[place],
        place,
        number,
        [key for key, _ in pairs],
        [shown for _, shown in pairs],
    )


def _is_after(hit: Hit, asked: Asked) -> bool:
    pairs = zip(asked.sort, asked.after or [], strict=False)
    return hit.keys > [each.of_value(value) for each, value in pairs]


def _total(asked: Asked, total: int) -> dict[str, Any]:
    if asked.total is False:
        return {}
    if asked.total is True or total <= asked.total:
        return {"total": {"value": total, "relation": "eq"}}
    return {"total": {"value": int(asked.total), "relation": "gte"}}


def _max_score(asked: Asked, best: float | None, total: int) -> float | None:
    if asked.query and "hybrid" in asked.query and not total:
        return 0.0
    return None if asked.sort or asked.size == 0 else best


def _shown(hit: Hit, asked: Asked) -> dict[str, Any]:
    shown: dict[str, Any] = {"_index": hit.index.name, "_id": hit.doc.id}
    if asked.numbered:
        shown |= {"_version": hit.doc.version, "_seq_no": hit.doc.seq, "_primary_term": 1}
    shown["_score"] = hit.score if not asked.sort or any(each.name == "_score" for each in asked.sort) else None
    if asked.source is not False:
        shown["_source"] = filtered(hit.doc.source, asked.source)
    if asked.fields:
        kept = filtered(hit.doc.source, asked.fields)
        shown["fields"] = {key: value if isinstance(value, list) else [value] for key, value in kept.items()}
    return shown | ({"sort": hit.shown} if asked.sort else {})


def count(node: Node, call: Call) -> Reply:
    """How many documents match."""
    asked = parsed(call, {"size": 0, **(call.json({}) or {}), "track_total_hits": True})
    asked.query = neural.resolved(node, asked.query, {})
    with node.working():
        answer = execute(node, _indices(node, call), asked)
    return Reply({"count": answer["hits"]["total"]["value"], "_shards": answer["_shards"]})


def _ml_search(place: str) -> Any:
    def handle(node: Node, call: Call) -> Reply:
        """Search ML Commons' own objects; their versions are always shown, a credential never."""
        if not call.request.body:
            raise ApiError(400, "parse_exception", "request body or source parameter is required")
        asked = parsed(call, call.json())
        asked.numbered = True
        asked.source = _without_secret(asked.source)
        if place not in node.indices and node.version.has("empty_searches"):
            return Reply(_NOTHING_THERE)
        if place not in node.indices:
            raise index_not_found(place)
        return Reply({"took": 1, **execute(node, [node.indices[place]], asked)})

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


_PARAMS = (
    "q", "size", "from", "sort", "_source", "_source_includes", "_source_excludes", "track_total_hits",
    "search_pipeline", "routing", "preference", "request_cache", "timeout", "typed_keys", "search_type",
    "rest_total_hits_as_int", "batched_reduce_size", "max_concurrent_shard_requests", "pre_filter_shard_size",
    "allow_partial_search_results", "ccs_minimize_roundtrips", "default_operator", "df", "analyzer", "lenient",
    "terminate_after", "min_score", EXPANDS,
)  # fmt: skip
_ML = "/_plugins/_ml"
ROUTES = [
    *(
        each
        for at in ("", "/{index}")
        for each in (
            route("GET POST", f"{at}/_search", search, "indices:data/read/search", *_PARAMS, unlocked=True),
            route("GET POST", f"{at}/_count", count, "indices:data/read/search", *_PARAMS, unlocked=True),
        )
    ),
    *(
        route("GET POST", f"{_ML}/{name}/_search", _ml_search(place), f"cluster:admin/opensearch/ml/{name}/search")
        for name, place in (
            ("model_groups", objects.GROUPS),
            ("connectors", objects.CONNECTORS),
            ("models", objects.MODELS),
            ("tasks", objects.TASKS),
        )
    ),
]
