"""One request on its way to its handler: the route that took it, its parameters, its parsed and checked body."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.polarsearch.bodies import SHAPES
from sandbox.polarsearch.errors import ApiError, PlainError, illegal_argument, not_here
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.settings import java_bool, seconds
from sandbox.polarsearch.shapes import data, holds, wrong
from sandbox.wire import Request

_PARAMS = data("params")
_VALUES: dict[str, str] = _PARAMS["values"]
_ALWAYS, _KNOWN, _SEGMENTS = (frozenset(_PARAMS[name].split()) for name in ("always", "known", "routes"))
_EXPECTED = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_VERBS = {"_search", "_undeploy", "_deploy", "_load", "_unload", "_upload", "_register", "_create"}
_METHODS = ("HEAD", "GET", "DELETE", "PUT", "POST")


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
        try:
            return None if value is None else int(value)
        except ValueError:
            raise illegal_argument(f"Failed to parse int parameter [{name}] with value [{value}]") from None

    def json(self, default: Any = None) -> Any:
        """The body, or `default` when there is none. Raises json_parse_exception, and what its shape refuses."""
        return self.checked(parsed(self.request.body)) if self.request.body else default

    def checked(self, body: Any) -> Any:
        """The body, held to its shape."""
        assert self.shape is not None
        SHAPES.check(self.shape, body)
        return body

    def required(self) -> Any:
        """The body. Raises parse_exception when there is none."""
        if not self.request.body:
            raise ApiError(400, "parse_exception", "request body is required")
        return self.json()

    def mapped(self) -> dict[str, Any]:
        """The body as an object, whose refusal is wrapped as index creation and pipelines wrap it."""
        try:
            value = parsed(self.request.body) if self.request.body else {}
        except ApiError as error:
            raise ApiError(400, "parse_exception", "Failed to parse content to map", cause=error) from None
        if not isinstance(value, dict):
            raise ApiError(400, "parse_exception", "Failed to parse content to map")
        self.checked(value)
        return value


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
            if name in self.params | _ALWAYS:
                _check_param(name, value)
            elif name in _VALUES or name in _KNOWN:
                raise not_here(f"request [{request.path}] with parameter [{name}] is not supported")
        unknown = sorted(name for name in request.query if name not in _VALUES and name not in _KNOWN)
        if unknown:
            listed = f"parameter{'s' * (len(unknown) > 1)}: {', '.join(f'[{name}]' for name in unknown)}"
            raise illegal_argument(f"request [{request.path}] contains unrecognized {listed}")
        if request.body and self.body is None:
            raise illegal_argument(f"request [{request.method} {request.path}] does not support having a body")


def _check_param(name: str, value: str) -> None:
    kind = _VALUES[name]
    if kind == "flag":
        value == "" or java_bool(value)
    elif kind == "time":
        seconds(value, name)
    elif kind not in {"refresh", "number"} and not holds(kind, value):
        raise wrong(name, kind, value)


class Router:
    """Every route, most literal first."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes: dict[int, list[Route]] = {}
        for each in sorted(routes, key=lambda item: [part[0] == "{" for part in item.parts]):
            self._routes.setdefault(len(each.parts), []).append(each)

    def find(self, request: Request) -> tuple[Route, Call]:
        """The route that takes this request. Raises PlainError 400 or 405, ApiError for a real node's other routes."""
        parts = [part for part in request.path.split("/") if part]
        found = [(each, got) for each in self._routes.get(len(parts), []) if (got := each.match(parts)) is not None]
        for each, params in found:
            if request.method in each.methods:
                return each, Call(request, params, each.body)
        if _SEGMENTS & set(parts):
            raise not_here(f"[{request.method} {request.path}] is not supported")
        if not found:
            text = f"no handler found for uri [{request.path}] and method [{request.method}]"
            raise PlainError(400, text, numbered=False)
        taken = {method for each, _ in found for method in each.methods}
        raise no_such_method(request, *(method for method in _METHODS if method in taken))


def no_such_method(request: Request, *allowed: str) -> PlainError:
    """HTTP 405 for a route that takes only other methods."""
    listed = ", ".join(allowed)
    text = f"Incorrect HTTP method for uri [{request.path}] and method [{request.method}], allowed: [{listed}]"
    return PlainError(405, text, headers={"allow": ",".join(allowed)})


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
    """JSON. Raises json_parse_exception, for what people send in Jackson's words."""
    try:
        return json.loads(body.decode(), parse_constant=_no_constant, object_pairs_hook=_without_repeats)
    except UnicodeDecodeError:
        raise _unparsed("Invalid UTF-8 start byte") from None
    except json.JSONDecodeError as error:
        raise _json_error(error.doc[error.pos :], error.msg) from None


def _no_constant(name: str) -> Any:
    raise not_here(f"[{name}] is no JSON", "json_parse_exception")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise not_here("Duplicate field", "json_parse_exception")
    return made


def _json_error(rest: str, message: str) -> ApiError:
    word = rest.split(None, 1)[0].split(",")[0].split("}")[0] if rest.strip() else ""
    if not rest.strip():
        return _unparsed("Unexpected end-of-input")
    character = f"Unexpected character ('{rest[0]}' (code {ord(rest[0])}))"
    if message.startswith("Expecting property name"):
        return _unparsed(f"{character}: was expecting double-quote to start field name")
    if message.startswith("Expecting value") and word[:1].isalpha():
        return _unparsed(f"Unrecognized token '{word}': was expecting {_EXPECTED}")
    return _unparsed(character)


def _unparsed(reason: str) -> ApiError:
    source = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
    return ApiError(400, "json_parse_exception", f"{reason}\n at [Source: {source}; line: 1, column: 1]")
