"""One request on its way to its handler: the route that took it, its parameters, its parsed and checked body."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.polarsearch.errors import MARK, PlainError, illegal_argument, not_here
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.shapes import SHAPES, data, holds
from sandbox.wire import Request

_PARAMS = data("params")
_VALUES: dict[str, str] = _PARAMS["values"]
_ALWAYS = frozenset(_PARAMS["always"].split())
_VERBS = {"_search", "_undeploy", "_deploy", "_load", "_unload", "_upload", "_register", "_create"}


@dataclass(frozen=True)
class Reply:
    """What a handler answers; `warnings` become Warning headers."""

    body: Any
    status: int = 200
    warnings: Sequence[str] = ()


@dataclass
class Call:
    """A request that found its route. `path` are the route's parameters, `shape` what its body may hold; `permit`
    raises where whoever asks may not do what the request leads to.
    """

    request: Request
    path: Mapping[str, str] = field(default_factory=dict)
    shape: str | None = None
    permit: Callable[[str], None] = lambda _: None

    def text(self, name: str, default: str = "") -> str:
        """A query parameter."""
        return self.request.query.get(name, default)

    def flag(self, name: str) -> bool:
        """A boolean query parameter; given without a value it is true."""
        return self.text(name, "false") in {"", "true"}

    def number(self, name: str) -> int | None:
        """A whole-number query parameter."""
        value = self.request.query.get(name)
        return None if value is None else int(value)

    def json(self, default: Any = None) -> Any:
        """The body, or `default` when there is none. Raises json_parse_exception, and what its shape refuses."""
        if not self.request.body:
            return default
        assert self.shape is not None
        body = parsed(self.request.body)
        SHAPES.check(self.shape, body)
        return body

    def required(self) -> Any:
        """The body. Raises parse_exception when there is none."""
        if not self.request.body:
            raise not_here("request body is required", "parse_exception")
        return self.json()


Handle = Callable[[Node, Call], Reply]


@dataclass(frozen=True)
class Route:
    """`path` has {parameters}; `action` is what the security plugin calls it; `unlocked` handlers call other services
    and so lock the node themselves, only while they touch it. `body` names the shape of its body, None: it has none."""

    methods: tuple[str, ...]
    path: str
    handle: Handle
    action: str
    params: frozenset[str] = frozenset()
    body: str | None = None
    unlocked: bool = False

    @property
    def parts(self) -> list[str]:
        return [part for part in self.path.split("/") if part]

    def match(self, parts: list[str]) -> dict[str, str] | None:
        """The path's parameters, or None."""
        own = self.parts
        if len(own) != len(parts):
            return None
        pairs = list(zip(own, parts, strict=True))
        if any(mine != theirs for mine, theirs in pairs if mine[0] != "{"):
            return None
        found = {mine[1:-1]: theirs for mine, theirs in pairs if mine[0] == "{"}
        return None if "_ml" in own and _VERBS & set(found.values()) else found

    def check(self, request: Request) -> None:
        """Raises for a query parameter this route does not take, a value it cannot have, or a body it has not."""
        for name, value in request.query.items():
            if name not in self.params | _ALWAYS or not holds(_VALUES[name], value):
                raise not_here(f"request [{request.path}] with parameter [{name}={value}] is not supported")
        if request.body and self.body is None:
            raise illegal_argument(f"request [{request.method} {request.path}] does not support having a body")


class Router:
    """Every route, most literal first."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes: dict[int, list[Route]] = {}
        for each in sorted(routes, key=lambda item: [part[0] == "{" for part in item.parts]):
            self._routes.setdefault(len(each.parts), []).append(each)

    def find(self, request: Request) -> tuple[Route, Call]:
        """The route that takes this request. Raises PlainError, 400 or 405, where there is none."""
        parts = [part for part in request.path.split("/") if part]
        found = [(each, got) for each in self._routes.get(len(parts), []) if (got := each.match(parts)) is not None]
        for each, params in found:
            if request.method in each.methods:
                return each, Call(request, params, each.body)
        text = f"no handler found for uri [{request.path}] and method [{request.method}] {MARK}"
        raise no_such_method(request) if found else PlainError(400, text, numbered=False)


def no_such_method(request: Request) -> PlainError:
    """HTTP 405 for a route that takes only other methods."""
    return PlainError(405, f"Incorrect HTTP method for uri [{request.path}] and method [{request.method}] {MARK}")


def check_content_type(request: Request) -> None:
    """Raises PlainError 406 for a body that is not said to be JSON."""
    if not request.body:
        return
    sent = request.headers.get("content-type")
    if sent is None:
        raise PlainError(406, "Content-Type header is missing")
    if sent.split(";")[0].strip().lower() not in {"application/json", "application/x-ndjson"}:
        raise PlainError(406, f"Content-Type header [{sent}] is not supported")


def parsed(body: bytes) -> Any:
    """JSON. Raises json_parse_exception."""
    try:
        return json.loads(body.decode(), parse_constant=_refused, object_pairs_hook=_without_repeats)
    except ValueError as error:
        raise not_here(str(error), "json_parse_exception") from None


def _refused(name: str) -> Any:
    raise ValueError(f"[{name}] is no JSON")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("Duplicate field")
    return made
